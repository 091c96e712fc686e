import { inboxOf, type Room } from '../../chat/room.ts';
import type { Roster } from '../../chat/roster.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';

export interface NicknameQuery {
  /** The rooms that are searched for the name. */
  readonly rooms: readonly Room[];
  readonly name: string;
  /** The payload's field, for the refusal. */
  readonly field: string;
}

export interface NicknameMatch {
  readonly userId: string;
  readonly inbox: Room;
  /** The connections that the user has now. */
  readonly live: number;
}

/** The number of users of one name that are considered. */
const MAX_NAMESAKES = 10;

/** Finds the one connected user of a nickname. A guest who has reloaded the page is in the room twice for a while. */
export async function findByNickname(
  { rooms, name, field }: NicknameQuery,
  roster: Pick<Roster, 'connections' | 'findByUsername'>,
): Promise<Outcome<NicknameMatch>> {
  const lists = await Promise.all(rooms.map((room) => roster.findByUsername(room, name, MAX_NAMESAKES)));
  const ids = new Set<string>();
  for (const list of lists) {
    if (!list.ok) return list;
    for (const id of list.value) ids.add(id);
  }
  if (ids.size === 0) return refuse('not_found', `${field}: no user in your rooms has this name`);
  const nsp = rooms[0]?.nsp ?? '/';
  const people = [...ids].map((userId) => ({ userId, inbox: inboxOf(nsp, userId) }));
  const counted = await roster.connections(people.map(({ inbox }) => inbox));
  if (!counted.ok) return counted;
  const namesakes = people.map((person, n) => ({ ...person, live: counted.value[n] ?? 0 }));
  const connected = namesakes.filter(({ live }) => live > 0);
  const [only, another] = connected.length > 0 ? connected : namesakes;
  if (only === undefined || another !== undefined) {
    return refuse('bad_request', `${field}: several users in your rooms have this name`);
  }
  return succeed(only);
}
