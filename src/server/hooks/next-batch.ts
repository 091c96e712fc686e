import type { HookSource } from '../../chat/hook-queue.ts';
import type { RoomLogs } from '../../chat/log-store.ts';
import type { DelayedSource } from './due-subjects.ts';
import { type HookEvent, PAGE_ENTRIES, readPending } from './log-events.ts';
import { isDue, type PresenceEvents, takenState } from './presence-events.ts';
import { isPush, type PushEvents } from './push-events.ts';

export const MAX_EVENTS = 200;
const MAX_BODY_BYTES = 524_288;

export interface NextBatchDeps {
  readonly logs: Pick<RoomLogs, 'read'>;
  readonly presence: PresenceEvents;
  /** Undefined if nothing is sent about pushes. */
  readonly pushes: PushEvents | undefined;
  /** Ms since 1970. */
  readonly now: () => number;
}

export interface Batch {
  readonly events: readonly HookEvent[];
  /** The sources that the events are of. */
  readonly subjects: readonly string[];
  readonly moves: readonly HookSource[];
  /** The sources that have more, with their next states. */
  readonly left: readonly HookSource[];
  /** The sources of which nothing is to be sent, or whose log cannot be read now. */
  readonly settled: readonly string[];
  readonly dropped: number;
  /** The sources that have something to decide later, with their next states. */
  readonly delayed: readonly DelayedSource[];
}

/** Collects the events of one request, from the subjects that are due, by their states. A limit of 1 is one source's next event. */
export async function nextBatch(
  due: Iterable<readonly [subject: string, state: string]>,
  limit: number,
  { logs, presence, pushes, now }: NextBatchDeps,
): Promise<Batch> {
  const events: HookEvent[] = [];
  const subjects: string[] = [];
  const moves: HookSource[] = [];
  const left: HookSource[] = [];
  const settled: string[] = [];
  const delayed: DelayedSource[] = [];
  let [bytes, dropped] = [0, 0];
  for (const [subject, state] of due) {
    if (events.length >= limit || bytes >= MAX_BODY_BYTES) break;
    if (presence.includes(subject)) {
      if (!isDue(state)) continue;
      const event = presence.eventOf({ subject, state });
      const move = { subject, state: takenState(state) };
      if (event) {
        events.push(event);
        subjects.push(subject);
      }
      moves.push(move);
      // It may have changed again.
      left.push(move);
      continue;
    }
    const source = { subject, state, limit: Math.min(PAGE_ENTRIES, limit - events.length) };
    const ofPushes = pushes && isPush(subject) ? await pushes.pending(source) : undefined;
    const pending = ofPushes ?? (await readPending(logs, source, now));
    if (!pending.ok) {
      // The comparison finds it again.
      settled.push(subject);
      continue;
    }
    const move = { subject, state: pending.value.state };
    if (pending.value.more) left.push(move);
    if (ofPushes?.ok && ofPushes.value.nextAt !== undefined) {
      delayed.push({ ...move, at: ofPushes.value.nextAt });
    }
    if (move.state === state) settled.push(subject);
    else moves.push(move);
    if (pending.value.events.length > 0) subjects.push(subject);
    events.push(...pending.value.events);
    dropped += pending.value.dropped;
    bytes += Buffer.byteLength(JSON.stringify(pending.value.events));
  }
  return { events, subjects, moves, left, settled, dropped, delayed };
}
