import type { Logger } from 'pino';
import { z } from 'zod';
import type { Room } from '../../chat/room.ts';
import { roomOf } from '../../chat/room.ts';
import type { Departure, Roster, RosterEntry } from '../../chat/store.ts';
import { ROSTER_LEASE_MS } from '../../chat/store.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import { readBoots } from './boots.ts';
import type { CommandLink } from './command-link.ts';
import type { RedisKeys } from './keys.ts';
import type { Scripts } from './scripts.ts';
import { createStatedPresence } from './stated-presence.ts';

export interface RedisRosterDeps {
  readonly link: CommandLink;
  readonly scripts: Scripts;
  readonly keys: RedisKeys;
  readonly boot: string;
  readonly host: string;
  readonly log: Logger;
}

type CountReply = [users: number, clients: number, changed: number, vacant: number];

/** For what nobody took out: a boot whose record was lost with the store's newest writes. */
const KEYS_LIVE_MS = String(30 * 86_400_000);
const LEASE_MS = String(ROSTER_LEASE_MS);
const SWEEP_BATCH = 100;

const placeOf = z.tuple([z.string(), z.string()]);
const personOf = z.object({ username: z.string(), avatar: z.string().optional() });

/**
 * The roster as sets and hashes. A boot is listed in `boots` with a lease, and every room it is in is listed
 * under it *before* anybody is entered there, so that sweeping a dead boot finds all it left. A call of a boot
 * that is not listed lists it again: what a dead worker's last commands do after its sweep is swept once more.
 */
export function createRedisRoster(deps: RedisRosterDeps): Roster {
  const { link, scripts, keys, boot, host, log } = deps;
  const stated = createStatedPresence();
  let proved = false;

  const listBoot = (name: string, owner: string) =>
    link.evaluate<number>(scripts.renew, [keys.boots], [name, LEASE_MS, '0', owner, 'new']);
  const placeName = (room: Room) => JSON.stringify([room.nsp, room.roomid]);

  /** Lists the room under this boot. Not awaited by callers: Redis runs it before what they send next. */
  function listRoom(room: Room): Promise<Outcome<unknown>> {
    void listBoot(boot, host);
    return link.call(['SADD', keys.bootRooms(boot), placeName(room)]);
  }

  async function sendEnter(room: Room, user: RosterEntry, clients: number): Promise<Outcome<CountReply>> {
    const listed = listRoom(room);
    const { userId, ...person } = user;
    const args = [boot, String(clients), KEYS_LIVE_MS, userId, JSON.stringify(person)];
    const entered = await link.evaluate<CountReply>(scripts.enter, keys.roster(room, boot), args);
    const place = await listed;
    return place.ok ? entered : place;
  }

  async function sendExit(room: Room, userId: string, clients: number): Promise<Outcome<CountReply>> {
    const args = [boot, String(clients), KEYS_LIVE_MS, userId, keys.rosterOfBoots(room)];
    const left = await link.evaluate<CountReply>(scripts.exit, keys.roster(room, boot), args);
    // Someone may have entered since; then the room is listed again already and must stay so.
    if (left.ok && left.value[3] === 1 && !stated.holds(room)) {
      void link.call(['SREM', keys.bootRooms(boot), placeName(room)]);
    }
    return left;
  }

  async function enter(room: Room, user: RosterEntry, clients: number) {
    stated.enter(room, user, clients);
    return counted(await sendEnter(room, user, clients));
  }

  async function exit(room: Room, userId: string, clients: number) {
    stated.exit(room, userId, clients);
    return counted(await sendExit(room, userId, clients));
  }

  async function recount(room: Room, clients: number) {
    stated.recount(room, clients);
    const outcome = await sendExit(room, '', clients);
    return outcome.ok ? succeed({ users: outcome.value[0], clients: outcome.value[1] }) : outcome;
  }

  function sendOnline(userIds: readonly string[], online: boolean): Promise<Outcome<unknown>> {
    if (online) void listBoot(boot, host);
    return link.call([online ? 'SADD' : 'SREM', keys.bootUsers(boot), ...userIds]);
  }

  async function setOnline(userId: string, online: boolean): Promise<Outcome<void>> {
    stated.setOnline(userId, online);
    const outcome = await sendOnline([userId], online);
    return outcome.ok ? succeed(undefined) : outcome;
  }

  async function renew(clients: number): Promise<Outcome<void>> {
    void link.call(['PEXPIRE', keys.bootRooms(boot), KEYS_LIVE_MS]);
    void link.call(['PEXPIRE', keys.bootUsers(boot), KEYS_LIVE_MS]);
    const args = [boot, LEASE_MS, String(clients), host, ''];
    const outcome = await link.evaluate<number>(scripts.renew, [keys.boots], args);
    if (!outcome.ok) return outcome;
    if (outcome.value === 0 && proved) void stateAgain();
    proved = true;
    return succeed(undefined);
  }

  /** This boot was swept while it was frozen or cut off, or the store lost its data: all it holds is said anew. */
  async function stateAgain(): Promise<void> {
    log.warn({ rooms: stated.rooms().length }, 'redis: this worker was no longer listed and enters again');
    const online = stated.online();
    for (let from = 0; from < online.length; from += SWEEP_BATCH) {
      await sendOnline(online.slice(from, from + SWEEP_BATCH), true);
    }
    for (const room of stated.rooms()) {
      // Read room by room: whoever left meanwhile is not brought back.
      const present = stated.presenceIn(room);
      await Promise.all(present.users.map((user) => sendEnter(room, user, present.clients)));
    }
  }

  async function sweep(dead: string): Promise<Outcome<readonly Departure[]>> {
    const places = await link.call<string[]>(['SMEMBERS', keys.bootRooms(dead)]);
    if (!places.ok) return places;
    const departures: Departure[] = [];
    for (let from = 0; from < places.value.length; from += SWEEP_BATCH) {
      const batch = places.value.slice(from, from + SWEEP_BATCH);
      const swept = await Promise.all(batch.map((place) => sweepRoom(dead, place)));
      for (const outcome of swept) if (outcome.ok) departures.push(...outcome.value);
      const failed = swept.find((outcome) => !outcome.ok);
      // Who was found gone is gone and must be told; the boot stays listed, so the rest is found again.
      if (failed) return departures.length > 0 ? succeed(departures) : failed;
    }
    await link.call(['DEL', keys.bootUsers(dead)]);
    const removed = await link.call(['HDEL', keys.boots, dead]);
    const late = await link.call<number>(['EXISTS', keys.bootRooms(dead)]);
    // What the dead worker had still under way came after the rooms were read.
    if (removed.ok && late.ok && late.value === 1) await listBoot(dead, host);
    return succeed(departures);
  }

  async function sweepRoom(dead: string, place: string): Promise<Outcome<Departure[]>> {
    const [nsp, roomid] = placeOf.parse(JSON.parse(place));
    const room = roomOf(nsp, roomid);
    const args = [dead, keys.rosterOfBoots(room)];
    const gone = await link.evaluate<string[]>(scripts.sweep, keys.roster(room, dead), args);
    if (!gone.ok) return gone;
    void link.call(['SREM', keys.bootRooms(dead), place]);
    const departures: Departure[] = [];
    for (let index = 0; index < gone.value.length; index += 2) {
      const person = personOf.parse(JSON.parse(gone.value[index + 1] ?? ''));
      departures.push({ nsp, roomid, user: { userId: gone.value[index] ?? '', ...person } });
    }
    return succeed(departures);
  }

  async function expired(): Promise<Outcome<readonly string[]>> {
    const boots = await readBoots(link, keys);
    if (!boots.ok) return boots;
    return succeed(boots.value.filter((one) => !one.alive).map((one) => one.boot));
  }

  return { enter, exit, recount, setOnline, renew, sweep, expired };
}

function counted(outcome: Outcome<CountReply>) {
  if (!outcome.ok) return outcome;
  const [users, clients, changed] = outcome.value;
  return succeed({ users, clients, changed: changed === 1 });
}
