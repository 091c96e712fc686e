import type { Members, PersistentRoom } from '../../client/index.ts';
import type { Person, PresentPerson } from '../../protocol/people.ts';
import { createValue, type StoreDeps, type Value } from '../ui/store.ts';

/** The people in the rooms of this session. */
export interface Presence {
  /** By room id. */
  readonly members: Value<ReadonlyMap<string, Members>>;
  follow(room: Pick<PersistentRoom, 'roomid' | 'members'>): void;
  unfollow(roomid: string): void;
}

export function createPresence({
  nextFrame,
}: {
  readonly nextFrame: StoreDeps<unknown, unknown>['nextFrame'];
}): Presence {
  const members = createValue<ReadonlyMap<string, Members>>(new Map(), nextFrame);
  const stops = new Map<string, () => void>();
  return {
    members,
    follow(room) {
      const stop = room.members((list) => members.dispatch(new Map(members.get()).set(room.roomid, list)));
      stops.set(room.roomid, stop);
    },
    unfollow(roomid) {
      stops.get(roomid)?.();
      stops.delete(roomid);
      const left = new Map(members.get());
      left.delete(roomid);
      members.dispatch(left);
    },
  };
}

/** The server marks names that look alike, but not while its store is away: people of one name are marked even so. */
export function looksLikeAnother(
  { userId, username, confusable }: PresentPerson,
  people: readonly Person[],
): boolean {
  if (confusable) return true;
  return people.some((other) => other.username === username && other.userId !== userId);
}

/** Everybody in any of the rooms, by user id. */
export function peopleOf(members: ReadonlyMap<string, Members>): ReadonlyMap<string, Person> {
  const people = new Map<string, Person>();
  for (const { list = [] } of members.values()) for (const person of list) people.set(person.userId, person);
  return people;
}
