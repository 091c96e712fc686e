import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import type { Sized } from '../../../sizes.ts';

/*
 * An instance lists a room in its index before it enters anybody there. Where one server has both, it runs the calls in the
 * order in which they are made, and nothing waits. Otherwise the entry waits until the index has the room, and all later
 * calls for the room wait behind it: if a later count overtook it, the earlier one would stand.
 */

export interface RoomTurns extends Sized {
  /** Makes the call once `listing` succeeded and the earlier calls for the room are made. Returns the refusal otherwise. */
  afterListing<T>(
    room: Room,
    listing: Promise<Outcome<unknown>>,
    call: () => Promise<Outcome<T>>,
  ): Promise<Outcome<T>>;
  /** Makes the call once the earlier calls for the room are made. */
  inTurn<T>(room: Room, call: () => Promise<Outcome<T>>): Promise<Outcome<T>>;
}

/** `inOneOrder`: whether the room's calls and those for the index reach Redis in the order in which they are made. */
export function createRoomTurns(inOneOrder: (room: Room) => boolean): RoomTurns {
  /** Promises that resolve when the last waiting call for a room is made, by the room's tag. */
  const made = new Map<string, Promise<unknown>>();

  /** Makes the call after `turn`, in which the turn before has ended. It takes its place at once: no later call overtakes it. */
  async function makeAfter<T, R>(room: Room, turn: Promise<T>, call: (value: T) => R): Promise<Awaited<R>> {
    made.set(room.tag, turn);
    const value = await turn;
    // In the turn of the event loop in which the next call's wait ends, too: this one is made first.
    if (made.get(room.tag) === turn) made.delete(room.tag);
    return await call(value);
  }

  async function afterListing<T>(
    room: Room,
    listing: Promise<Outcome<unknown>>,
    call: () => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    if (inOneOrder(room)) {
      const answer = call();
      const listed = await listing;
      return listed.ok ? answer : listed;
    }
    const turn = Promise.all([listing, made.get(room.tag)]);
    return makeAfter(room, turn, ([listed]) => (listed.ok ? call() : listed));
  }

  function inTurn<T>(room: Room, call: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const before = made.get(room.tag);
    return before ? makeAfter(room, Promise.all([before]), call) : call();
  }

  return { sizes: () => ({ made: made.size }), afterListing, inTurn };
}
