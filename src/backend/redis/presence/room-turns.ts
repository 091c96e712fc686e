import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';

/*
 * An instance lists a room in its index before it enters anybody there. Where one server has both, it runs the calls in the
 * order in which they are made, and nothing waits. Otherwise the entry waits until the index has the room, and all later
 * calls for the room wait behind it: if a later count overtook it, the earlier one would stand.
 */

export interface RoomTurns {
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
  /** When the last waiting call for the room is made, by the room's tag. */
  const made = new Map<string, Promise<unknown>>();

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
    const before = made.get(room.tag);
    const turn = Promise.all([listing, before]);
    made.set(room.tag, turn);
    const [listed] = await turn;
    // In the turn of the event loop in which the next call's wait ends, too: this one is made first.
    if (made.get(room.tag) === turn) made.delete(room.tag);
    return listed.ok ? call() : listed;
  }

  async function inTurn<T>(room: Room, call: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    // Each turn that waits may be followed by another.
    for (let turn = made.get(room.tag); turn; turn = made.get(room.tag)) await turn;
    return call();
  }

  return { afterListing, inTurn };
}
