import type { Room } from '../../../chat/room.ts';
import { roomOf } from '../../../chat/room.ts';
import type { ListedRoom, Roster, RosterCount, RosterPage } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { RedisKeys } from '../keys.ts';
import type { Script } from '../scripts.ts';
import { listedOf, type ReadInstances } from './instances.ts';
import type { LiveInstances } from './live-instances.ts';
import { type MembersPage, membersOf } from './member-states.ts';
import { idOf, roomsAfter } from './places.ts';
import { createTotals } from './totals.ts';

export interface RosterQueriesDeps {
  readonly redis: RedisConnection;
  /** roster-members.lua */
  readonly script: Script;
  /** totals-turn.lua */
  readonly turn: Script;
  readonly keys: RedisKeys;
  readonly living: LiveInstances;
  readonly readInstances: ReadInstances;
  readonly now: () => number;
}

type MembersReply = [rev: number, more: number, last: string, instances: string[], members: MembersPage];

export type RosterQueries = Pick<
  Roster,
  'count' | 'named' | 'isIn' | 'staysIn' | 'members' | 'rooms' | 'connections' | 'totals'
>;

/** A longer page would hold every other call of Redis up. */
const LONGEST_PAGE = 1_000;

/** What is asked of the roster. None of it changes anything. */
export function createRosterQueries({
  redis,
  script,
  turn,
  keys,
  living,
  readInstances,
  now,
}: RosterQueriesDeps): RosterQueries {
  async function count(room: Room): Promise<Outcome<RosterCount & { rev: number }>> {
    const [clientsKey, usersKey] = keys.roster(room, '');
    const [toldKey] = keys.changes(room);
    const [rev, users, clients] = await Promise.all([
      redis.call<string | null>(['HGET', toldKey, 'rev']),
      redis.call<number>(['ZCARD', usersKey]),
      livingSums([clientsKey]),
    ]);
    if (!rev.ok) return rev;
    if (!users.ok) return users;
    if (!clients.ok) return clients;
    return succeed({ rev: Number(rev.value), users: users.value, clients: clients.value[0] ?? 0 });
  }

  async function named(room: Room, username: string, limit: number): Promise<Outcome<readonly string[]>> {
    const [, , namesKey] = keys.roster(room, '');
    const [min, max] = [`[${username}\0`, `(${username}\x01`];
    const query = ['ZRANGEBYLEX', namesKey, min, max, 'LIMIT', '0', String(limit)];
    const found = await redis.call<string[]>(query);
    return found.ok ? succeed(found.value.map(idOf)) : found;
  }

  async function isIn(among: readonly Room[], userId: string): Promise<Outcome<boolean>> {
    const asked = among.map((room) => redis.call<unknown>(['ZSCORE', keys.roster(room, '')[1], userId]));
    let found = false;
    for (const answer of await Promise.all(asked)) {
      if (!answer.ok) return answer;
      found ||= answer.value !== null;
    }
    return succeed(found);
  }

  async function staysIn(room: Room, userId: string): Promise<Outcome<boolean>> {
    const listed = await redis.call<string[]>(['HKEYS', keys.roster(room, '')[0]]);
    if (!listed.ok) return listed;
    const instances = await living.listedWith(listed.value);
    if (!instances.ok) return instances;
    const alive = listed.value.filter((instanceId) => instances.value.get(instanceId)?.alive);
    const asked = alive.map((instanceId) =>
      redis.call<number>(['HEXISTS', keys.roster(room, instanceId)[3], userId]),
    );
    let found = false;
    for (const answer of await Promise.all(asked)) {
      if (!answer.ok) return answer;
      found ||= answer.value === 1;
    }
    return succeed(found);
  }

  async function members(room: Room, { after, limit }: RosterPage) {
    const [clientsKey, usersKey] = keys.roster(room, '');
    const min = after === undefined ? '-' : `(${after}`;
    const [toldKey] = keys.changes(room);
    const asked = redis.evaluate<MembersReply>(
      script,
      [clientsKey, usersKey, toldKey],
      [min, keys.rosterOfInstances(room), String(Math.min(limit, LONGEST_PAGE))],
    );
    // Read in the same round trip, as `connections` does.
    await living.listed();
    const page = await asked;
    if (!page.ok) return page;
    const [rev, more, last, instances, members] = page.value;
    const listed = await living.listedWith(instances);
    if (!listed.ok) return listed;
    return succeed({
      rev,
      members: membersOf(members, instances, listed.value),
      ...(more === 1 ? { next: last } : {}),
    });
  }

  async function rooms(nsp: string, { after, limit }: RosterPage) {
    const instances = await readInstances();
    if (!instances.ok) return instances;
    const alive = instances.value.filter((one) => one.alive);
    const length = Math.min(limit, LONGEST_PAGE);
    // The first of every instance hold the first of all of them.
    const listed = await listedOf(redis, keys, alive, roomsAfter(nsp, after), length + 1);
    if (!listed.ok) return listed;
    const ids = inByteOrder(new Set(listed.value.map(idOf)));
    const page = ids.slice(0, length);
    const counts = await Promise.all(page.map((roomid) => count(roomOf(nsp, roomid))));
    const found: ListedRoom[] = [];
    for (const [index, counted] of counts.entries()) {
      if (!counted.ok) return counted;
      const roomid = page[index];
      if (roomid !== undefined && counted.value.users > 0) {
        const { users, clients } = counted.value;
        found.push({ roomid, users, clients });
      }
    }
    const next = ids.length > length ? page.at(-1) : undefined;
    return succeed({ rooms: found, ...(next === undefined ? {} : { next }) });
  }

  function connections(inboxes: readonly Room[]): Promise<Outcome<readonly number[]>> {
    return livingSums(inboxes.map(keys.connections));
  }

  /** Of hashes of instance -> connections, without the instances that do not count. */
  async function livingSums(hashes: readonly string[]): Promise<Outcome<readonly number[]>> {
    const asked = Promise.all(hashes.map((hash) => redis.call<Record<string, string>>(['HGETALL', hash])));
    // Read in the same round trip, should it be time again; after them, so that it knows every instance they name.
    await living.listed();
    const byInstance = [];
    for (const answer of await asked) {
      if (!answer.ok) return answer;
      byInstance.push(Object.entries(answer.value));
    }
    const instances = await living.listedWith(new Set(byInstance.flat().map(([instanceId]) => instanceId)));
    if (!instances.ok) return instances;
    return succeed(
      byInstance.map((entries) =>
        sumOf(entries.filter(([instanceId]) => instances.value.get(instanceId)?.alive).map(([, n]) => n)),
      ),
    );
  }

  return {
    count,
    named,
    isIn,
    staysIn,
    members,
    rooms,
    connections,
    totals: createTotals({ redis, turn, keys, readInstances, now }),
  };
}

function sumOf(counts: readonly string[]): number {
  return counts.reduce((sum, one) => sum + Number(one), 0);
}

/** Of their UTF-8, as Redis orders; JavaScript's own order differs beyond U+FFFF. */
function inByteOrder(ids: Iterable<string>): string[] {
  return Array.from(ids, (id) => Buffer.from(id))
    .sort(Buffer.compare)
    .map(String);
}
