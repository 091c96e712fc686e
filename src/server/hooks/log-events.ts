import type { HookSource } from '../../chat/hook-queue.ts';
import type { LogPage, RoomLogs } from '../../chat/log-store.ts';
import { shownEntry } from '../../chat/reactions.ts';
import { inboxOf, type Room, roomOf } from '../../chat/room.ts';
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

/** The room or the inbox whose log the subject is of. */
function logOf(subject: string): Room {
  const [kind, nsp, name] = JSON.parse(subject) as [string, string, string];
  return kind === 'push' ? inboxOf(nsp, name) : roomOf(nsp, name);
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
  const tops = await logs.tops(sources.map(({ subject }) => logOf(subject)));
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
  const room = logOf(subject);
  const read = await pageBehind(logs, room, { state, limit });
  return read.ok ? succeed(eventsOf(room, read.value, now)) : read;
}

/** The entries behind a state. */
export interface PageBehind {
  readonly page: LogPage;
  /** The seq that the page begins behind. */
  readonly after: number;
  /** Entries behind it that the log no longer has. */
  readonly dropped: number;
}

export async function pageBehind(
  logs: Pick<RoomLogs, 'read'>,
  room: Room,
  { state, limit }: { readonly state: string; readonly limit: number },
): Promise<Outcome<PageBehind>> {
  const sent = sentUpTo(state);
  const read = (after: number) => logs.read(room, { after, limit, maxBytes: PAGE_BYTES });
  const first = await read(sent.seq);
  if (!first.ok) return first;
  const after = lastKnown(first.value, sent);
  const page = after === sent.seq ? first : await read(after);
  if (!page.ok) return page;
  return succeed({ page: page.value, after, dropped: Math.max(0, page.value.first - after - 1) });
}

/** The seq up to which what was sent is what the log has. A log that came back empty is sent from its beginning. */
function lastKnown({ epoch, previousEpochs }: LogPage, sent: SentUpTo): number {
  if (sent.epoch === epoch || sent.seq === 0) return sent.seq;
  const ended = previousEpochs.find((previous) => previous.epoch === sent.epoch);
  return ended ? Math.min(sent.seq, ended.upTo) : 0;
}

/** The state once everything up to `last` is sent, or what the log no longer has if there is none. */
export function stateAt(page: LogPage, after: number, last: SentUpTo | undefined): string {
  return stateOf(last ?? { epoch: page.epoch, seq: Math.max(after, page.first - 1) });
}

/** Counts the entries that left the log unsent. A repeat after a crash may find that more is gone. */
export function droppedEvent(
  { nsp, kind, roomid, tag }: Room,
  { page, after, at }: Pick<PageBehind, 'page' | 'after'> & { readonly at: number },
): HookEvent {
  const [from, to] = [after + 1, page.first - 1];
  const named = kind === 'inbox' ? { userId: roomid } : { roomid };
  const id = `dropped:${tag}:${page.epoch}:${from}-${to}`;
  return { id, type: 'dropped', at, ns: nsp, ...named, from, to, count: to - after };
}

function eventsOf(room: Room, { page, after, dropped }: PageBehind, now: () => number): PendingEvents {
  const { nsp, roomid } = room;
  const events = dropped > 0 ? [droppedEvent(room, { page, after, at: now() })] : [];
  for (const entry of page.entries) {
    const message = JSON.parse(shownEntry(entry).json) as RoomEntry;
    const { id, at } = message;
    events.push({ id, type: 'message', at, ns: nsp, roomid, message });
  }
  return { events, state: stateAt(page, after, page.entries.at(-1)), more: page.more, dropped };
}
