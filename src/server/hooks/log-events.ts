import type { HookSource } from '../../chat/hook-queue.ts';
import type { LogPage, RoomLogs } from '../../chat/log-store.ts';
import { shownEntry } from '../../chat/reactions.ts';
import { type Room, roomOf } from '../../chat/room.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { RoomEntry } from '../../protocol/rooms.ts';

/*
 * A room's log is the queue of its events. The state of its subject is the position of the last entry that was sent, so an
 * entry waits from the moment in which it is stored, and no text is kept anywhere else: a message that was deleted before
 * it was sent is sent as deleted.
 */

export interface HookEvent {
  /** The same whenever the event is sent. */
  readonly id: string;
  readonly type: string;
  /** Ms since 1970. */
  readonly at: number;
  readonly [field: string]: unknown;
}

export interface PendingEvents {
  readonly events: readonly HookEvent[];
  /** The state once they are taken. */
  readonly state: string;
  /** There are further ones. */
  readonly more: boolean;
  /** Entries that left the log unsent. */
  readonly dropped: number;
}

interface SentUpTo {
  readonly epoch: string;
  readonly seq: number;
}

export const PAGE_ENTRIES = 100;
const PAGE_BYTES = 262_144;

export const subjectOf = ({ nsp, roomid }: Pick<Room, 'nsp' | 'roomid'>): string =>
  JSON.stringify(['log', nsp, roomid]);

export const isLog = (subject: string): boolean => subject.startsWith('["log",');

export function roomIn(subject: string): Room {
  const [, nsp, roomid] = JSON.parse(subject) as [string, string, string];
  return roomOf(nsp, roomid);
}

const stateOf = ({ epoch, seq }: SentUpTo): string => `${seq} ${epoch}`;

function sentUpTo(state: string): SentUpTo {
  const [seq, epoch = ''] = state.split(' ');
  return { seq: Number(seq), epoch };
}

/** The state of a log of which nothing is to be sent that it has now. */
export async function initialState(logs: Pick<RoomLogs, 'tops'>, room: Room): Promise<Outcome<string>> {
  const tops = await logs.tops([room]);
  if (!tops.ok) return tops;
  const [end] = tops.value;
  if (!end) return refuse('unavailable', 'the server of the room is away', 1_000);
  return succeed(stateOf({ epoch: end.epoch ?? '', seq: end.top }));
}

/** Returns whether each of the logs has entries that were not sent. One whose server is away has none now. */
export async function unsentIn(
  logs: Pick<RoomLogs, 'tops'>,
  sources: readonly { readonly subject: string; readonly state: string }[],
): Promise<Outcome<readonly boolean[]>> {
  const tops = await logs.tops(sources.map(({ subject }) => roomIn(subject)));
  if (!tops.ok) return tops;
  return succeed(
    sources.map(({ state }, index) => {
      const [end, sent] = [tops.value[index], sentUpTo(state)];
      // A log without entries may have begun an epoch.
      return end !== undefined && end.top > 0 && (end.top !== sent.seq || end.epoch !== sent.epoch);
    }),
  );
}

/** Reads the next entries of the log as events, at most `limit` and perhaps one more that counts those that are lost. */
export async function readPending(
  logs: Pick<RoomLogs, 'read'>,
  { subject, state, limit }: HookSource & { readonly limit: number },
  now: () => number,
): Promise<Outcome<PendingEvents>> {
  const room = roomIn(subject);
  const sent = sentUpTo(state);
  const read = (after: number) => logs.read(room, { after, limit, maxBytes: PAGE_BYTES });
  const first = await read(sent.seq);
  if (!first.ok) return first;
  const after = lastKnown(first.value, sent);
  const page = after === sent.seq ? first : await read(after);
  return page.ok ? succeed(eventsOf(room, page.value, after, now)) : page;
}

/** The seq up to which what was sent is what the log has. A log that came back empty is sent from its beginning. */
function lastKnown({ epoch, previousEpochs }: LogPage, sent: SentUpTo): number {
  if (sent.epoch === epoch || sent.seq === 0) return sent.seq;
  const ended = previousEpochs.find((previous) => previous.epoch === sent.epoch);
  return ended ? Math.min(sent.seq, ended.upTo) : 0;
}

function eventsOf(room: Room, page: LogPage, after: number, now: () => number): PendingEvents {
  const { nsp, roomid, tag } = room;
  const events: HookEvent[] = [];
  const dropped = Math.max(0, page.first - after - 1);
  if (dropped > 0) {
    const [from, to] = [after + 1, page.first - 1];
    // A repeat after a crash may find that more is gone.
    const id = `dropped:${tag}:${page.epoch}:${from}-${to}`;
    events.push({ id, type: 'dropped', at: now(), ns: nsp, roomid, from, to, count: dropped });
  }
  for (const entry of page.entries) {
    const message = JSON.parse(shownEntry(entry).json) as RoomEntry;
    const { id, at } = message;
    events.push({ id, type: 'message', at, ns: nsp, roomid, message });
  }
  const last = page.entries.at(-1);
  const end = last ?? { epoch: page.epoch, seq: Math.max(after, page.first - 1) };
  return { events, state: stateOf(end), more: page.more, dropped };
}
