import type { WireError } from '../protocol/codes.ts';
import type { Right } from '../protocol/rights.ts';
import type {
  Joined,
  Muted,
  PresenceCount,
  PresenceDiff,
  Reads,
  Removed,
  RoomGap,
  RoomMessage,
  Signal,
  Typing,
} from '../protocol/rooms.ts';
import type { ClientError } from './client-error.ts';
import { type Draft, withAuthor } from './drafts.ts';
import type { HandshakeJoin } from './move.ts';
import type { RoomJoin } from './move-joins.ts';
import { createRoom, type RoomDeps, type RoomDriver } from './room-driver.ts';

export interface RoomsDeps
  extends Omit<RoomDeps, 'roomid' | 'history' | 'onLeft' | 'onEnded' | 'isReopened'> {
  /** The room that the handshake may join. */
  readonly handshakeRoom: string | undefined;
  /** Messages that an earlier run left. */
  readonly restored: readonly Draft[];
}

/** All rooms of the client. */
export interface Rooms {
  /** The room, which is opened if this client is not in it yet. */
  open(roomid: string, history: number | undefined): RoomDriver;
  /** The join that the next handshake carries, if there is one. */
  handshakeJoin(): HandshakeJoin | undefined;
  /** The joins of a connection that takes over from the current one. */
  roomJoins(): readonly RoomJoin[];
  /**
   * The user is known, or is another one than before: messages without an author become this user's, and those that the
   * user wrote in an earlier run wait again.
   */
  assignAuthor(): void;
  up(): void;
  /** The client has moved to a connection that has joined these rooms. */
  moved(joined: ReadonlyMap<string, Joined>): void;
  down(): void;
  rejoin(): void;
  /** False: this event is not about rooms. */
  handle(name: string, said: unknown): boolean;
  /** A new token changed the user's rights in the room. */
  rights(roomid: string, can: readonly Right[]): void;
  expel(roomid: string, error: ClientError): void;
  stop(error: ClientError): void;
  end(error: ClientError): void;
  /** `coming`: the room is open, and will be joined. */
  membershipOf(roomid: string): 'joined' | 'coming' | 'none';
  /** All messages to store. */
  drafts(): readonly Draft[];
  /** The number of messages that wait. */
  waiting(): number;
}

export function createRooms({ handshakeRoom, restored, ...deps }: RoomsDeps): Rooms {
  const rooms = new Map<string, RoomDriver>();
  /** Messages for rooms that are not open, and of other users, who may come back. */
  let aside = restored;
  /** The rooms that were open when the client was closed: their failed messages stay in the storage. */
  let closed: readonly RoomDriver[] = [];
  /** The rooms that were joined by the newest connection of a move. A room of the same id may replace one. */
  const moving = new Map<string, RoomDriver>();
  /** The room that the current handshake joins. */
  let joining: RoomDriver | undefined;

  const all = () => [...rooms.values()];
  const isOurs = ({ by }: Draft) => by === undefined || by === deps.userId();
  const mayWait = (draft: Draft) => !draft.problem && (deps.userId() === undefined || isOurs(draft));

  function restore(roomid: string, room: RoomDriver): void {
    const isDue = (draft: Draft) => draft.roomid === roomid && isOurs(draft);
    const due = aside.filter(isDue);
    if (due.length === 0) return;
    aside = aside.filter((draft) => !isDue(draft));
    room.restore(due);
  }

  function open(roomid: string, history: number | undefined): RoomDriver {
    const known = rooms.get(roomid);
    if (known) return known;
    const room: RoomDriver = createRoom({
      ...deps,
      roomid,
      history,
      onLeft() {
        aside = aside.filter((draft) => draft.roomid !== roomid);
      },
      isReopened: () => rooms.has(roomid),
      onEnded() {
        if (rooms.get(roomid) === room) rooms.delete(roomid);
      },
    });
    rooms.set(roomid, room);
    restore(roomid, room);
    if (deps.connection.state() === 'online') room.up(false);
    return room;
  }

  function handle(name: string, said: unknown): boolean {
    const { roomid } = (said ?? {}) as { roomid?: string };
    const room = roomid === undefined ? undefined : rooms.get(roomid);
    switch (name) {
      case 'message':
        if (!isRoomMessage(said)) return false;
        room?.receive(said);
        return true;
      case 'joined':
        if (room) room.handshakeJoined(said as Joined);
        // The application left it while the handshake that joins it was on its way.
        else if (roomid !== undefined) deps.connection.ask('leave', { roomid }, () => undefined);
        return true;
      case 'room:gap':
        room?.gap(said as RoomGap);
        return true;
      case 'presence:diff':
      case 'presence:count':
        room?.presence(said as PresenceDiff | PresenceCount);
        return true;
      case 'typing':
        room?.typing(said as Typing);
        return true;
      case 'reads':
        room?.reads(said as Reads);
        return true;
      case 'signal':
        room?.signal(said as Signal);
        return true;
      case 'refused': {
        // The client sends `join` with an ack, so only the join of the handshake is refused this way.
        const { event, error } = said as { event: string; error: WireError };
        if (event === 'join') joining?.handshakeRefused(error);
        return false;
      }
      case 'muted':
        room?.muted(said as Muted);
        return false;
      case 'removed':
        room?.removed(said as Removed);
        return false;
      default:
        return false;
    }
  }

  return {
    open,
    handshakeJoin() {
      const room = handshakeRoom === undefined ? undefined : rooms.get(handshakeRoom);
      const join = room?.handshakeJoin();
      joining = join && room;
      return join;
    },
    assignAuthor() {
      const userId = deps.userId();
      if (userId === undefined) return;
      aside = aside.map((draft) => withAuthor(draft, userId));
      for (const [roomid, room] of rooms) {
        room.assignAuthor(userId);
        restore(roomid, room);
      }
    },
    roomJoins: () =>
      all().flatMap((room) => {
        const join = room.moveJoin();
        if (!join) return [];
        moving.set(join.roomid, room);
        return [join];
      }),
    moved(joined) {
      for (const [roomid, room] of rooms) {
        room.moved(moving.get(roomid) === room ? joined.get(roomid) : undefined);
      }
      // The application left them during the move.
      for (const roomid of joined.keys()) {
        if (!rooms.has(roomid)) deps.connection.ask('leave', { roomid }, () => undefined);
      }
      moving.clear();
    },
    up() {
      for (const room of all()) room.up(room === joining);
    },
    down() {
      for (const room of all()) room.down();
    },
    rejoin() {
      for (const room of all()) room.rejoin();
    },
    handle,
    rights: (roomid, can) => rooms.get(roomid)?.rights(can),
    expel: (roomid, error) => rooms.get(roomid)?.expel(error),
    stop(error) {
      for (const room of all()) room.stop(error);
    },
    end(error) {
      closed = all();
      for (const room of closed) room.end(error);
    },
    membershipOf: (roomid) => rooms.get(roomid)?.status() ?? 'none',
    drafts: () => [...aside, ...[...closed, ...all()].flatMap((room) => room.drafts())],
    waiting: () => all().reduce((sum, room) => sum + room.waiting(), aside.filter(mayWait).length),
  };
}

const ROOM_MESSAGES: ReadonlySet<string> = new Set<RoomMessage['event']>([
  'broadcast_say',
  'edited',
  'reacted',
  'join',
  'broadcast_quit',
]);

function isRoomMessage(said: unknown): said is RoomMessage {
  const { event, ref } = (said ?? {}) as { event?: unknown; ref?: unknown };
  // Older servers send deletions that are no entries of the log: they have no `ref`.
  if (event === 'deleted') return typeof ref === 'number';
  return typeof event === 'string' && ROOM_MESSAGES.has(event);
}
