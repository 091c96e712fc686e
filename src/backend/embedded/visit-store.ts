import type { Room } from '../../chat/room.ts';
import type { RoomVisits, VisitedRoom } from '../../chat/visits.ts';
import type { Outcome } from '../../protocol/codes.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { Group } from './group.ts';
import type { Look } from './tables.ts';
import { saidKey } from './unread.ts';
import { markIn, readRoom, type Visit, visitedIn, visitRoom } from './visits.ts';

type Tagged = Pick<Room, 'tag'>;

/** As `RoomVisits`; a tag is all it takes. */
export interface VisitStore extends RoomVisits {
  visit(inbox: Tagged, roomid: string, joined: boolean, top?: number): Promise<Outcome<boolean>>;
  read(inbox: Tagged, roomid: string, seq: number): Promise<Outcome<number>>;
  visited(inbox: Tagged): Promise<Outcome<readonly VisitedRoom[]>>;
}

export interface VisitStoreDeps {
  readonly look: Look;
  readonly queue: CommitQueue;
  readonly rules: { readonly inboxTtlS: number };
  readonly now: () => number;
}

/** What a stored visit holds beside the room's id, and a record beside its visits. */
const OVERHEAD_BYTES = 32;

/** Where users go, beside the marks of their inboxes. */
export function createVisitStore({ look, queue, rules, now }: VisitStoreDeps): VisitStore {
  const ttlMs = rules.inboxTtlS * 1000;

  const held = ({ tag }: Tagged) =>
    look((view) => {
      const record = view.row('visits', tag);
      return record && (record.until > now() || view.row('heads', tag)) ? record.rooms : [];
    });

  function plan(group: Group, tag: string, change: (rooms: readonly Visit[]) => readonly Visit[]) {
    const record = group.row('visits', tag);
    const known = record && (record.until > group.now || group.row('heads', tag)) ? record : undefined;
    const before = known?.rooms ?? [];
    const rooms = change(before);
    // Also of a record whose time is over and that was not tidied away: nothing else remembers its rooms.
    for (const [roomid] of left(record?.rooms ?? [], rooms)) forgetSaid(group, tag, roomid);
    if (rooms.length === 0) {
      if (record) group.put({ table: 'visits', key: tag });
      return { rooms, before };
    }
    // Who comes every day changes nothing and is kept: but with a commit a while, not each time.
    const ageing = known && known.until - group.now < ttlMs * 0.9;
    if (rooms === before && !ageing) return { rooms, before };
    const until = Math.max(group.now + ttlMs, known?.until ?? 0);
    group.put({ table: 'visits', key: tag, value: { until, rooms } });
    if (!known) group.write({ table: 'dues', key: [until, 'visits', tag], value: true });
    return { rooms, before };
  }

  function forgetSaid(group: Group, tag: string, roomid: string): void {
    const key = saidKey(tag, roomid);
    if (group.row('said', key) !== undefined) group.put({ table: 'said', key });
  }

  async function change<T>(
    { tag }: Tagged,
    roomid: string,
    apply: (rooms: readonly Visit[]) => readonly Visit[],
    answer: (
      changed: { readonly rooms: readonly Visit[]; readonly before: readonly Visit[] },
      group: Group,
    ) => T,
  ): Promise<Outcome<T>> {
    const seen = held({ tag });
    if (!seen.ok) return seen;
    return queue.add({
      // The whole record is written again: a group must not dirty more of the disk than it says.
      bytes: sizeOf(seen.value) + Buffer.byteLength(roomid) + OVERHEAD_BYTES,
      plan: (group) => answer(plan(group, tag, apply), group),
    });
  }

  return {
    visit: (inbox, roomid, joined, top = 0) =>
      change(
        inbox,
        roomid,
        (rooms) => visitRoom(rooms, roomid, joined, top),
        ({ before }, group) => {
          // Also where the room is not among theirs: what is said after the user was deleted stands without a visit.
          if (!joined) forgetSaid(group, inbox.tag, roomid);
          return before.some(([id]) => id === roomid) !== joined;
        },
      ),
    read: (inbox, roomid, seq) =>
      change(
        inbox,
        roomid,
        (rooms) => readRoom(rooms, roomid, seq),
        ({ rooms }) => markIn(rooms, roomid),
      ),
    async visited(inbox) {
      const seen = held(inbox);
      return seen.ok ? { ok: true, value: visitedIn(seen.value) } : seen;
    },
  };
}

function left(before: readonly Visit[], now: readonly Visit[]): readonly Visit[] {
  if (before === now) return [];
  const stay = new Set(now.map(([roomid]) => roomid));
  return before.filter(([roomid]) => !stay.has(roomid));
}

function sizeOf(rooms: readonly Visit[]): number {
  return rooms.reduce((sum, [roomid]) => sum + Buffer.byteLength(roomid) + OVERHEAD_BYTES, OVERHEAD_BYTES);
}
