import { ROSTER_LEASE_MS } from '../../chat/roster.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import type { CommandLink } from './command-link.ts';
import type { RedisKeys } from './keys.ts';
import { idOf, stretchOf } from './places.ts';

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

/** How many different users have connections on these boots, in all namespaces together. */
export async function countUsers(
  link: CommandLink,
  keys: RedisKeys,
  boots: readonly ListedBoot[],
): Promise<Outcome<number>> {
  const listed = await listedOf(link, keys, boots, stretchOf('inbox'));
  return listed.ok ? succeed(new Set(listed.value.map(idOf)).size) : listed;
}

export async function countRooms(
  link: CommandLink,
  keys: RedisKeys,
  boots: readonly ListedBoot[],
): Promise<Outcome<number>> {
  const listed = await listedOf(link, keys, boots, stretchOf('room'));
  return listed.ok ? succeed(new Set(listed.value).size) : listed;
}

/** The places listed under these boots within the bounds; at most `limit` of each boot. */
export async function listedOf(
  link: CommandLink,
  keys: RedisKeys,
  boots: readonly ListedBoot[],
  [min, max]: readonly [min: string, max: string],
  limit?: number,
): Promise<Outcome<string[]>> {
  const cut = limit === undefined ? [] : ['LIMIT', '0', String(limit)];
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
