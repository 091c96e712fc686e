import type { WireError } from '../protocol/codes.ts';
import type {
  Joined,
  Muted,
  PresenceCount,
  PresenceDiff,
  Removed,
  RoomGap,
  RoomMessage,
  Typing,
} from '../protocol/rooms.ts';
import type { ClientError } from './client-error.ts';
import { authored, type Draft } from './drafts.ts';
import { createRoom, type RoomDeps, type RoomDriver } from './room-driver.ts';
import type { Position } from './sequence.ts';

export interface RoomsDeps
  extends Omit<RoomDeps, 'roomid' | 'history' | 'onLeft' | 'onEnded' | 'isReopened'> {
  /** The room that the connection itself shall join. */
  readonly entrance: string | undefined;
  /** Messages that an earlier run left. */
  readonly restored: readonly Draft[];
}

/** All rooms of the client. */
export interface Rooms {
  /** The room, which is opened if this client is not in it yet. */
  open(roomid: string, history: number | undefined): RoomDriver;
  /** The room that the next connection joins itself, if there is one. */
  entrance(): { readonly roomid: string; readonly resume: Position | undefined } | undefined;
  /**
   * The server says who the user is: messages without an author become this user's, and what the user wrote in an
   * earlier run waits again.
   */
  claim(): void;
  up(): void;
  down(): void;
  rejoin(): void;
  /** False: this event is not about rooms. */
  handle(name: string, said: unknown): boolean;
  expel(roomid: string, error: ClientError): void;
  stop(error: ClientError): void;
  end(error: ClientError): void;
  /** Everything that is to be stored. */
  drafts(): readonly Draft[];
  /** How many messages wait. */
  waiting(): number;
}

export function createRooms({ entrance, restored, ...deps }: RoomsDeps): Rooms {
  const rooms = new Map<string, RoomDriver>();
  /** Messages for rooms that are not open, and of other users, who may come back. */
  let aside = restored;
  /** The rooms that were open when the client was closed: their failed messages stay in the storage. */
  let closed: readonly RoomDriver[] = [];
  /** The room that the current connection joins itself. */
  let entering: RoomDriver | undefined;

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
        if (room) room.entered(said as Joined);
        // It was left while the connection that joins it was on its way.
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
      case 'refused': {
        // Joins of this client carry an ack: only the join of the connection itself is refused this way.
        const { event, error } = said as { event: string; error: WireError };
        if (event === 'join') entering?.notEntered(error);
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
    entrance() {
      const room = entrance === undefined ? undefined : rooms.get(entrance);
      const entered = room?.entrance();
      entering = entered && room;
      return entered;
    },
    claim() {
      const userId = deps.userId();
      if (userId === undefined) return;
      aside = aside.map((draft) => authored(draft, userId));
      for (const [roomid, room] of rooms) {
        room.claim(userId);
        restore(roomid, room);
      }
    },
    up() {
      for (const room of all()) room.up(room === entering);
    },
    down() {
      for (const room of all()) room.down();
    },
    rejoin() {
      for (const room of all()) room.rejoin();
    },
    handle: handle,
    expel: (roomid, error) => rooms.get(roomid)?.expel(error),
    stop(error) {
      for (const room of all()) room.stop(error);
    },
    end(error) {
      closed = all();
      for (const room of closed) room.end(error);
    },
    drafts: () => [...aside, ...[...closed, ...all()].flatMap((room) => room.drafts())],
    waiting: () => all().reduce((sum, room) => sum + room.waiting(), aside.filter(mayWait).length),
  };
}

function isRoomMessage(said: unknown): said is RoomMessage {
  const { event, ref } = (said ?? {}) as { event?: unknown; ref?: unknown };
  // Older servers send deletions that are no entries of the log: they have no `ref`.
  if (event === 'deleted') return typeof ref === 'number';
  return event === 'broadcast_say' || event === 'join' || event === 'broadcast_quit';
}
