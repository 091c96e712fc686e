import {
  LARGE_ROOM_CLIENTS,
  PRESENCE_GRACE_MS,
  ROOM_PRESENCE_EVENTS_PER_S,
  USER_PRESENCE_BURST,
} from '../protocol/limits.ts';
import { createSharedBuckets, type Rate } from './rate-limit.ts';
import type { Room } from './room.ts';
import type { PresenceEvent } from './roster.ts';

/*
 * What the members here hear, one by one, of who comes and goes. It stands where members listen and not where users
 * move, so that it holds whatever worker a user comes and goes through. A user's moves in one room:
 *
 *   told at once ──over a budget──► held ──budget again──► told
 *                                    │ ▲
 *              the opposite move ────┘ └──── the next one
 *
 * Moves alternate, so a held one and its opposite leave the members with what they heard last, which is true again. So
 * do one for which there was no room and its opposite.
 */

const USER_RATE: Rate = { perMs: 1 / PRESENCE_GRACE_MS, burst: USER_PRESENCE_BURST };
/** A room that names its people fills up, or empties, at once. */
const ROOM_RATE: Rate = { perMs: ROOM_PRESENCE_EVENTS_PER_S / 1_000, burst: LARGE_ROOM_CLIENTS };
const LOOK_MS = 1_000;
/** Of one room. What does not fit is left to `presence:diff` and `presence:count`. */
const MAX_HELD = LARGE_ROOM_CLIENTS;
/** Of all rooms: the oldest are forgotten. Who never comes back leaves one behind. */
const MAX_UNTOLD = 10_000;

export interface PresenceThrottleDeps {
  readonly deliver: (room: Room, move: PresenceEvent) => void;
  /** A clock that never steps. */
  readonly now: () => number;
}

export interface PresenceThrottle {
  /** Tells it now or, if it is still true, as soon as the budgets of the user and the room allow. */
  push(room: Room, move: PresenceEvent): void;
  close(): void;
}

interface Held {
  move: PresenceEvent;
  /** The user's budget has paid for it; it waits for the room's. */
  paid: boolean;
}

interface HeldRoom {
  readonly room: Room;
  readonly moves: Map<string, Held>;
}

export function createPresenceThrottle({ deliver: tell, now }: PresenceThrottleDeps): PresenceThrottle {
  const users = createSharedBuckets(USER_RATE, now);
  const rooms = createSharedBuckets(ROOM_RATE, now);
  const heldRooms = new Map<string, HeldRoom>();
  /** What the members did not hear and will not, by room and user. */
  const untold = new Map<string, PresenceEvent['event']>();
  let timer: NodeJS.Timeout | undefined;

  const keyOf = (room: Room, { user }: PresenceEvent) => `${room.tag} ${user.userId}`;
  const userPays = (room: Room, move: PresenceEvent) => users.take(keyOf(room, move)) === 0;
  const roomPays = (room: Room) => rooms.take(room.tag) === 0;

  function hold(room: Room, move: PresenceEvent, paid: boolean): void {
    const { moves } = heldRooms.get(room.tag) ?? { moves: new Map<string, Held>() };
    if (moves.size >= MAX_HELD) {
      leaveOut(room, move);
      return;
    }
    moves.set(move.user.userId, { move, paid });
    heldRooms.set(room.tag, { room, moves });
    timer ??= setTimeout(look, LOOK_MS).unref();
  }

  function leaveOut(room: Room, move: PresenceEvent): void {
    untold.set(keyOf(room, move), move.event);
    if (untold.size <= MAX_UNTOLD) return;
    for (const oldest of untold.keys()) {
      untold.delete(oldest);
      break;
    }
  }

  /** The members never heard its opposite, so what they heard last is true again. */
  function undoesUntold(room: Room, move: PresenceEvent): boolean {
    if (untold.size === 0) return false;
    const key = keyOf(room, move);
    const left = untold.get(key);
    return untold.delete(key) && left !== move.event;
  }

  function look(): void {
    timer = undefined;
    for (const held of heldRooms.values()) lookAt(held);
    if (heldRooms.size > 0) timer = setTimeout(look, LOOK_MS).unref();
  }

  function lookAt({ room, moves }: HeldRoom): void {
    for (const [userId, held] of moves) {
      held.paid ||= userPays(room, held.move);
      if (!held.paid) continue;
      if (!roomPays(room)) break;
      moves.delete(userId);
      tell(room, held.move);
    }
    if (moves.size === 0) heldRooms.delete(room.tag);
  }

  return {
    push(room, move) {
      const moves = heldRooms.get(room.tag)?.moves;
      const held = moves?.get(move.user.userId);
      if (held?.move.event === move.event) held.move = move;
      else if (held) moves?.delete(move.user.userId);
      else if (!undoesUntold(room, move)) {
        const paid = userPays(room, move);
        if (paid && roomPays(room)) tell(room, move);
        else hold(room, move, paid);
      }
    },
    close() {
      clearTimeout(timer);
      heldRooms.clear();
      untold.clear();
    },
  };
}
