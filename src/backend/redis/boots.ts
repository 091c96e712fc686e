import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import type { CommandLink } from './command-link.ts';
import type { RedisKeys } from './keys.ts';

/** A worker process as roster-renew.lua lists it. */
export interface ListedBoot {
  readonly boot: string;
  /** Its lease has not run out, by the store's clock. */
  readonly alive: boolean;
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
  const nowMs = Number(time.value[0]) * 1_000;
  const boots = [];
  for (const [boot, record] of Object.entries(listed.value)) {
    const [leaseEndMs, clients, ...host] = record.split(' ');
    boots.push({ boot, alive: Number(leaseEndMs) > nowMs, clients: Number(clients), host: host.join(' ') });
  }
  return succeed(boots);
}
