import type { Room } from '../../../chat/room.ts';
import { roomOf } from '../../../chat/room.ts';
import type { ListedRoom, Roster, RosterCount, RosterPage } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import { allValues } from '../outcomes.ts';
import type { Scripts } from '../scripts.ts';
import { type InstanceReads, idsOf } from './instances.ts';
import type { LiveInstances } from './live-instances.ts';
import { type MembersPage, membersOf } from './member-states.ts';
import { rangeAfter, roomidOf } from './occupied-rooms.ts';
import { createTotals } from './totals.ts';

export interface RosterQueriesDeps extends InstanceReads {
  readonly scripts: Pick<Scripts, 'members' | 'turn'>;
  readonly living: LiveInstances;
  readonly now: () => number;
}

type MembersReply = [rev: number, more: number, last: string, instances: string[], members: MembersPage];

export type RosterQueries = Pick<
  Roster,
  'count' | 'findByUsername' | 'isInAny' | 'isOnlineIn' | 'members' | 'rooms' | 'connections' | 'totals'
>;

/** A longer page would block every other call of Redis. */
const LONGEST_PAGE = 1_000;

/** The reading half of the roster. */
export function createRosterQueries(deps: RosterQueriesDeps): RosterQueries {
  const { redis, scripts, keys, occupied, living, instances, now } = deps;

  async function count(room: Room): Promise<Outcome<RosterCount & { rev: number }>> {
    const [clientsKey, usersKey] = keys.roster(room, '');
    const [notifiedKey] = keys.changes(room);
    const [rev, users, clients] = await Promise.all([
      redis.call<string | null>(['HGET', notifiedKey, 'rev']),
      redis.call<number>(['ZCARD', usersKey]),
      livingSums([clientsKey]),
    ]);
    if (!rev.ok) return rev;
    if (!users.ok) return users;
    if (!clients.ok) return clients;
    return succeed({ rev: Number(rev.value), users: users.value, clients: clients.value[0] ?? 0 });
  }

  async function findByUsername(
    room: Room,
    username: string,
    limit: number,
  ): Promise<Outcome<readonly string[]>> {
    const [, , namesKey] = keys.roster(room, '');
    const [min, max] = [`[${username}\0`, `(${username}\x01`];
    const query = ['ZRANGEBYLEX', namesKey, min, max, 'LIMIT', '0', String(limit)];
    const found = await redis.call<string[]>(query);
    return found.ok ? succeed(found.value.map(roomidOf)) : found;
  }

  async function isInAny(among: readonly Room[], userId: string): Promise<Outcome<boolean>> {
    const scores = await allValues(
      among.map((room) => redis.call<unknown>(['ZSCORE', keys.roster(room, '')[1], userId])),
    );
    return scores.ok ? succeed(scores.value.some((score) => score !== null)) : scores;
  }

  async function isOnlineIn(room: Room, userId: string): Promise<Outcome<boolean>> {
    const listed = await redis.call<string[]>(['HKEYS', keys.roster(room, '')[0]]);
    if (!listed.ok) return listed;
    const states = await living.statesOf(listed.value);
    if (!states.ok) return states;
    const alive = listed.value.filter((instanceId) => states.value.get(instanceId)?.alive);
    const found = await allValues(
      alive.map((one) => redis.call<number>(['HEXISTS', keys.roster(room, one)[3], userId])),
    );
    if (!found.ok) return found;
    const holders = alive.filter((_, index) => found.value[index] === 1);
    if (holders.length === 0) return succeed(false);
    // The last reading may be from before an instance was fenced, such as one of an earlier run of a host.
    living.forget();
    const fresh = await living.statesOf(holders);
    return fresh.ok ? succeed(holders.some((instanceId) => fresh.value.get(instanceId)?.alive)) : fresh;
  }

  async function members(room: Room, { after, limit }: RosterPage) {
    const [clientsKey, usersKey] = keys.roster(room, '');
    const min = after === undefined ? '-' : `(${after}`;
    const [notifiedKey] = keys.changes(room);
    const asked = redis.evaluate<MembersReply>(
      scripts.members,
      [clientsKey, usersKey, notifiedKey],
      [min, keys.rosterOfInstances(room), String(Math.min(limit, LONGEST_PAGE))],
    );
    // Read in the same round trip, as `connections` does.
    await living.refresh();
    const page = await asked;
    if (!page.ok) return page;
    const [rev, more, last, instanceIds, members] = page.value;
    const states = await living.statesOf(instanceIds);
    if (!states.ok) return states;
    return succeed({
      rev,
      members: membersOf(members, instanceIds, states.value),
      next: more === 1 ? last : undefined,
    });
  }

  async function rooms(nsp: string, { after, limit }: RosterPage) {
    const all = await instances.all();
    if (!all.ok) return all;
    const alive = all.value.filter((one) => one.alive);
    const length = Math.min(limit, LONGEST_PAGE);
    // Each instance's first rooms, together, contain the first of all.
    const listed = await occupied.of(idsOf(alive), rangeAfter(nsp, after), length + 1);
    if (!listed.ok) return listed;
    const ids = inByteOrder(new Set(listed.value.map(roomidOf)));
    const page = ids.slice(0, length);
    const counts = await allValues(page.map((roomid) => countOf(nsp, roomid)));
    if (!counts.ok) return counts;
    return succeed({
      rooms: counts.value.filter(({ users }) => users > 0),
      next: ids.length > length ? page.at(-1) : undefined,
    });
  }

  async function countOf(nsp: string, roomid: string): Promise<Outcome<ListedRoom>> {
    const counted = await count(roomOf(nsp, roomid));
    if (!counted.ok) return counted;
    const { users, clients } = counted.value;
    return succeed({ roomid, users, clients });
  }

  function connections(inboxes: readonly Room[]): Promise<Outcome<readonly number[]>> {
    return livingSums(inboxes.map(keys.connections));
  }

  /** Sums hashes of instance id -> connections over the living instances. */
  async function livingSums(hashes: readonly string[]): Promise<Outcome<readonly number[]>> {
    const asked = allValues(hashes.map((hash) => redis.call<Record<string, string>>(['HGETALL', hash])));
    // The instances are read in the same round trip, if they are due; after the hashes, so that every instance in those
    // is known.
    await living.refresh();
    const found = await asked;
    if (!found.ok) return found;
    const states = await living.statesOf(new Set(found.value.flatMap(Object.keys)));
    if (!states.ok) return states;
    const alive = (instanceId: string) => states.value.get(instanceId)?.alive;
    return succeed(
      found.value.map((counts) =>
        Object.entries(counts).reduce((sum, [id, count]) => (alive(id) ? sum + Number(count) : sum), 0),
      ),
    );
  }

  return {
    count,
    findByUsername,
    isInAny,
    isOnlineIn,
    members,
    rooms,
    connections,
    totals: createTotals({ redis, turn: scripts.turn, keys, occupied, instances, now }),
  };
}

/** Sorts by UTF-8, as Redis does. JavaScript's own order differs beyond U+FFFF. */
function inByteOrder(ids: Iterable<string>): string[] {
  return Array.from(ids, (id) => Buffer.from(id))
    .sort(Buffer.compare)
    .map(String);
}
