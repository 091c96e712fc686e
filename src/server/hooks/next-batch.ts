import type { HookSource } from '../../chat/hook-queue.ts';
import type { RoomLogs } from '../../chat/log-store.ts';
import { type HookEvent, readPending } from './log-events.ts';
import { isDue, type PresenceEvents, takenState } from './presence-events.ts';

const MAX_EVENTS = 200;
const MAX_BODY_BYTES = 524_288;

export interface NextBatchDeps {
  readonly logs: Pick<RoomLogs, 'read'>;
  readonly presence: PresenceEvents;
  /** Ms since 1970. */
  readonly now: () => number;
}

export interface Batch {
  readonly events: readonly HookEvent[];
  readonly moves: readonly HookSource[];
  /** The sources that have more, with their next states. */
  readonly left: readonly HookSource[];
  /** The sources of which nothing is to be sent, or whose log cannot be read now. */
  readonly settled: readonly string[];
  readonly dropped: number;
}

/** Collects the events of one request, from the subjects that are due, by their states. */
export async function nextBatch(
  due: ReadonlyMap<string, string>,
  { logs, presence, now }: NextBatchDeps,
): Promise<Batch> {
  const events: HookEvent[] = [];
  const moves: HookSource[] = [];
  const left: HookSource[] = [];
  const settled: string[] = [];
  let [bytes, dropped] = [0, 0];
  for (const [subject, state] of due) {
    if (events.length >= MAX_EVENTS || bytes >= MAX_BODY_BYTES) break;
    if (presence.includes(subject)) {
      if (!isDue(state)) continue;
      const event = presence.eventOf({ subject, state });
      const move = { subject, state: takenState(state) };
      if (event) events.push(event);
      moves.push(move);
      // It may have changed again.
      left.push(move);
      continue;
    }
    const pending = await readPending(logs, subject, state, now);
    if (!pending.ok) {
      // The comparison finds it again.
      settled.push(subject);
      continue;
    }
    const move = { subject, state: pending.value.state };
    if (pending.value.more) left.push(move);
    if (move.state === state) settled.push(subject);
    else moves.push(move);
    events.push(...pending.value.events);
    dropped += pending.value.dropped;
    bytes += Buffer.byteLength(JSON.stringify(pending.value.events));
  }
  return { events, moves, left, settled, dropped };
}
