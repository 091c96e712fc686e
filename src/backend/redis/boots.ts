import { ROSTER_LEASE_MS, type RosterCount } from '../../chat/roster.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import type { CommandLink } from './command-link.ts';
import type { RedisKeys } from './keys.ts';
import { idOf, stretchOf } from './places.ts';

/** Places read at once: a longer page would hold every other call of Redis up. */
const PAGE = 1_000;

/** Of ZRANGEBYLEX. */
export type Bounds = readonly [min: string, max: string];

/** A worker process as roster-renew.lua lists it. */
export interface ListedBoot {
  readonly boot: string;
  /** It counts: its lease has not run out, by the store's clock, and it was not buried. */
  readonly alive: boolean;
  /**
   * Its lease has run out. One that was buried is given that long, for its primary sweeps it; one that was swept as
   * long again, for what it had still under way.
   */
  readonly expired: boolean;
  /** All it left was taken out: what it is listed with came too late. */
  readonly swept: boolean;
  /** When it last proved itself by the store's clock, and how long ago that was when it was read. */
  readonly provedAtMs: number;
  readonly silentMs: number;
  readonly clients: number;
  readonly host: string;
}

export async function readBoots(link: CommandLink, keys: RedisKeys): Promise<Outcome<ListedBoot[]>> {
  const [time, listed] = await Promise.all([
    link.call<[seconds: string, micros: string]>(['TIME']),
    link.call<Record<string, string>>(['HGETALL', keys.boots]),
  ]);
  if (!time.ok) return time;
  if (!listed.ok) return listed;
  const [seconds, micros] = time.value;
  const nowMs = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  const boots = [];
  for (const [boot, record] of Object.entries(listed.value)) {
    const [lease = '', clients, ...host] = record.split(' ');
    const buried = lease.startsWith('-');
    const leaseEndMs = Math.abs(Number(lease));
    const provedAtMs = Math.max(0, leaseEndMs - ROSTER_LEASE_MS);
    boots.push({
      boot,
      alive: leaseEndMs > nowMs && !buried,
      expired: leaseEndMs <= nowMs,
      swept: clients === 'swept',
      provedAtMs,
      silentMs: nowMs - provedAtMs,
      // No number until it proved itself.
      clients: Number(clients) || 0,
      host: host.join(' '),
    });
  }
  return succeed(boots);
}

/**
 * How many different users have connections on these boots, in all namespaces together, and how many connections. A
 * user is listed at once and connections are told with the boot's next renewal, so the two are of different moments:
 * the later one, of the users, decides whether anybody is there, and that nobody is there without a connection.
 */
export async function countPeople(
  link: CommandLink,
  keys: RedisKeys,
  boots: readonly ListedBoot[],
): Promise<Outcome<RosterCount>> {
  const users = await countDifferent(link, keys, boots, stretchOf('inbox'), idOf);
  if (!users.ok) return users;
  const told = boots.reduce((sum, { clients }) => sum + clients, 0);
  return succeed({ users: users.value, clients: users.value === 0 ? 0 : Math.max(users.value, told) });
}

export function countRooms(link: CommandLink, keys: RedisKeys, boots: readonly ListedBoot[]) {
  return countDifferent(link, keys, boots, stretchOf('room'), (place) => place);
}

async function countDifferent(
  link: CommandLink,
  keys: RedisKeys,
  boots: readonly ListedBoot[],
  bounds: Bounds,
  nameOf: (place: string) => string,
): Promise<Outcome<number>> {
  const seen = new Set<string>();
  const counted = await Promise.all(
    boots.map(({ boot }) =>
      eachPage(link, keys, boot, bounds, (places) => {
        for (const place of places) seen.add(nameOf(place));
      }),
    ),
  );
  return counted.find((outcome) => !outcome.ok) ?? succeed(seen.size);
}

/** Goes through the places listed under a boot; each page is read once the last one was dealt with. */
export async function eachPage(
  link: CommandLink,
  keys: RedisKeys,
  boot: string,
  [min, max]: Bounds,
  deal: (places: readonly string[]) => unknown,
): Promise<Outcome<void>> {
  for (let from = min; ; ) {
    const query = ['ZRANGEBYLEX', keys.bootPlaces(boot), from, max, 'LIMIT', '0', String(PAGE)];
    const page = await link.call<string[]>(query);
    if (!page.ok) return page;
    await deal(page.value);
    const last = page.value.at(-1);
    if (last === undefined || page.value.length < PAGE) return succeed(undefined);
    from = `(${last}`;
  }
}

/** The places listed under these boots within the bounds; at most `limit` of each boot. */
export async function listedOf(
  link: CommandLink,
  keys: RedisKeys,
  boots: readonly ListedBoot[],
  [min, max]: Bounds,
  limit: number,
): Promise<Outcome<string[]>> {
  const cut = ['LIMIT', '0', String(limit)];
  const listed = await Promise.all(
    boots.map(({ boot }) => link.call<string[]>(['ZRANGEBYLEX', keys.bootPlaces(boot), min, max, ...cut])),
  );
  const places: string[][] = [];
  for (const answer of listed) {
    if (!answer.ok) return answer;
    places.push(answer.value);
  }
  return succeed(places.flat());
}
