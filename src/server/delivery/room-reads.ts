import { socketRoom } from '../../backend/socket-room.ts';
import { inboxOf, type Room, roomOf } from '../../chat/room.ts';
import type { RoomReaders } from '../../chat/room-readers.ts';
import type { Roster } from '../../chat/roster.ts';
import { LARGE_ROOM_CLIENTS } from '../../protocol/limits.ts';
import type { ReadCount, ReadMark, Reads } from '../../protocol/rooms.ts';
import type { Sized } from '../../sizes.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';
import type { Fanout } from './fanout.ts';
import { createPacing } from './pacing.ts';

/*
 * Tells the members of a room how far the others have read. A mark that rose goes through two gatherings:
 *
 *   room:read ──raised──► this worker's readers ──serverSideEmit──► all workers: their members ──reads──► clients
 *                         (once a second per room)                  (once a second per room)
 *
 * The second one is needed because several workers may have readers of one room. A notice stores nothing, and a room in which
 * nobody reads has no timer. What is lost on the way is made good by the user's next mark, or by a join: a joiner gets
 * the marks of the members who are there.
 */

export interface RoomReadsDeps {
  readonly namespaces: readonly ChatNamespace[];
  readonly of: (nsp: string) => ChatNamespace;
  readonly roster: Pick<Roster, 'count' | 'members'>;
  readonly roomReaders: Pick<RoomReaders, 'marks' | 'count'>;
  readonly fanout: Pick<Fanout, 'enqueue'>;
}

export interface RoomReads {
  /** A user's mark rose, and the store has it. */
  raised(room: Room, userId: string, seq: number): void;
  /** The connection has joined a room that has marks and so many connections. */
  joined(socket: ClientSocket, room: Room, clients: number): void;
  close(): void;
}

/** The marks of this worker's users. */
interface Raised {
  readonly room: Room;
  readonly marks: Map<string, number>;
  /** The furthest of the marks, also of those that did not fit. */
  furthest: number;
}

/** The next event for this worker's members of the room. */
interface Waiting {
  readonly room: Room;
  readonly marks: Map<string, number>;
  readonly joiners: Set<ClientSocket>;
  count?: ReadCount | undefined;
}

/** Between workers only: Socket.IO never hands a client's events to the namespace. Earlier releases do not listen. */
const EVENT = 'marks of readers';
const EVERY_MS = 1_000;
/** The most rooms with a notice within a second, on one worker. The notices of further rooms are dropped. */
const MOST_ROOMS = 10_000;
/** A notice that is later than this was not overtaken: the store may have begun another epoch, with the same numbers. */
const LATE_MS = 10_000;

export function createRoomReads(deps: RoomReadsDeps): RoomReads & Sized {
  const { namespaces, of, roster, roomReaders, fanout } = deps;
  const outgoing = createPacing<Raised>({ everyMs: EVERY_MS, mostKeys: MOST_ROOMS, deliver: send });
  const incoming = createPacing<Waiting>({ everyMs: EVERY_MS, mostKeys: MOST_ROOMS, deliver });
  /** The last count that was written, by Socket.IO room, while this worker has members of it. */
  const lastCounts = new Map<string, { readonly count: ReadCount; readonly atMs: number }>();
  for (const nsp of namespaces) {
    nsp.on(EVENT as never, ((reads: Reads) => receive(nsp, reads)) as never);
    nsp.adapter.on('delete-room', (name: string) => lastCounts.delete(name));
  }

  async function send({ room, marks, furthest }: Raised): Promise<void> {
    const { roomid } = room;
    const counted = await roster.count(room);
    if (!counted.ok) return;
    let reads: Reads = { roomid, marks: listOf(marks) };
    if (counted.value.clients > LARGE_ROOM_CLIENTS) {
      const users = await roomReaders.count(room, furthest);
      if (!users.ok) return;
      reads = { roomid, count: { seq: furthest, users: users.value } };
    }
    const nsp = of(room.nsp);
    receive(nsp, reads);
    nsp.serverSideEmit(EVENT as never, reads as never);
  }

  function receive(nsp: ChatNamespace, reads: Reads): void {
    const room = roomOf(nsp.name, reads.roomid);
    if (!nsp.adapter.rooms.has(socketRoom(room))) return;
    incoming.note(room.tag, (waiting = nothingIn(room)) => {
      if ('count' in reads) {
        waiting.count = further(waiting.count, reads.count);
        waiting.marks.clear();
      } else {
        waiting.count = undefined;
        for (const { userId, seq } of reads.marks) raise(waiting.marks, userId, seq);
      }
      return waiting;
    });
  }

  function deliver({ room, marks, joiners, count }: Waiting): void {
    const { roomid } = room;
    if (joiners.size > 0) void welcome(room, joiners);
    if (count) writeCount(room, count);
    else if (marks.size === 0) return;
    // A joiner gets all marks, these among them, and no second notice within the second.
    else if (joiners.size > 0) {
      const others = of(room.nsp).local.to(socketRoom(room));
      others.except([...joiners].map(({ id }) => id)).emit('reads', { roomid, marks: listOf(marks) });
    } else write(room, { roomid, marks: listOf(marks) });
  }

  /** Writes a count, unless the members have a larger one of that seq: the worker that counted first may be heard last. */
  function writeCount(room: Room, count: ReadCount): void {
    const name = socketRoom(room);
    const last = lastCounts.get(name);
    const isOvertaken = last?.count.seq === count.seq && last.count.users >= count.users;
    if (isOvertaken && performance.now() - last.atMs < LATE_MS) return;
    if (!of(room.nsp).adapter.rooms.has(name)) return;
    lastCounts.set(name, { count, atMs: performance.now() });
    write(room, { roomid: room.roomid, count });
  }

  function write(room: Room, reads: Reads): void {
    fanout.enqueue(room, { event: 'reads', json: JSON.stringify(reads), isPresence: true });
  }

  /** Sends the marks of the room's members. Those who join within a second share the reading. */
  async function welcome(room: Room, joiners: ReadonlySet<ClientSocket>): Promise<void> {
    const listed = await roster.members(room, { limit: LARGE_ROOM_CLIENTS });
    if (!listed.ok || listed.value.next !== undefined) return;
    const users = listed.value.members.map(({ userId }) => userId);
    const found = await roomReaders.marks(
      room,
      users.map((userId) => inboxOf(room.nsp, userId).tag),
    );
    if (!found.ok) return;
    const marks = users.flatMap((userId, index) => {
      const seq = found.value[index];
      return seq === undefined ? [] : [{ userId, seq }];
    });
    if (marks.length === 0) return;
    for (const socket of joiners) {
      // Not those who have left meanwhile.
      if (socket.rooms.has(socketRoom(room))) socket.emit('reads', { roomid: room.roomid, marks });
    }
  }

  return {
    sizes: () => ({ outgoing: outgoing.sizes(), incoming: incoming.sizes(), lastCounts: lastCounts.size }),
    raised(room, userId, seq) {
      outgoing.note(room.tag, (waiting = { room, marks: new Map(), furthest: 0 }) => {
        raise(waiting.marks, userId, seq);
        waiting.furthest = Math.max(waiting.furthest, seq);
        return waiting;
      });
    },
    joined(socket, room, clients) {
      if (clients > LARGE_ROOM_CLIENTS) return;
      incoming.note(room.tag, (waiting = nothingIn(room)) => {
        waiting.joiners.add(socket);
        return waiting;
      });
    },
    close() {
      outgoing.close();
      incoming.close();
    },
  };
}

function nothingIn(room: Room): Waiting {
  return { room, marks: new Map(), joiners: new Set() };
}

/** Raises the user's mark. Of more users than a small room has, the rest is dropped: a large room gets counts. */
function raise(marks: Map<string, number>, userId: string, seq: number): void {
  const known = marks.get(userId);
  if (known === undefined && marks.size >= LARGE_ROOM_CLIENTS) return;
  marks.set(userId, Math.max(known ?? 0, seq));
}

function further(one: ReadCount | undefined, other: ReadCount): ReadCount {
  if (!one || other.seq > one.seq) return other;
  return other.seq === one.seq && other.users > one.users ? other : one;
}

function listOf(marks: ReadonlyMap<string, number>): readonly ReadMark[] {
  return [...marks].map(([userId, seq]) => ({ userId, seq }));
}
