import { once } from 'node:events';
import { expect } from 'vitest';
import type { Profile } from '../../src/load/profile/profile.ts';
import { type Host, runRoomcast } from './cluster.ts';
import { eventually } from './eventually.ts';

/** Limits that a busy machine does not reach. */
const PATIENT = ['--max-lag', '1h', '--max-errors', '100%', '--max-p99', '1h'];

/** A small room speaks more than the large one, texts are of many lengths, clients poll, leave, and write to one user. */
export const UNEVEN: Profile = {
  format: 1,
  tool: { name: 'roomcast', version: '0' },
  takenAt: '2026-01-01T00:00:00.000Z',
  sampledMs: 60_000,
  clients: 40,
  pollingShare: 0.25,
  saysPerS: 45,
  privatePerS: 5,
  // A message reaches 7 members; with all clients speaking alike it would reach 12.7.
  deliveriesPerS: 45 * 7,
  connectsPerS: 2,
  disconnectsPerS: 2,
  texts: {
    meanBytes: 220,
    buckets: [
      { upTo: 96, share: 0.6 },
      { upTo: 256, share: 0.2 },
      { upTo: 512, share: 0.15 },
      { upTo: 2_048, share: 0.05 },
      { upTo: null, share: 0 },
    ],
  },
  rooms: [
    { clients: 20, rooms: 1 },
    { clients: 8, rooms: 1 },
    { clients: 4, rooms: 2 },
    { clients: 2, rooms: 2 },
  ],
};

const storedOn = async ({ adminUrl }: Host) => {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const counts = text.matchAll(/^roomcast_(?:private_)?messages_stored_total (\S+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
};

/** Takes a profile until so many messages are stored, which a busy machine only makes longer. */
export async function takeProfile(host: Host, messages: number): Promise<Profile> {
  const env = { API_KEYS: host.apiKey.trim(), ADMIN_PORT: new URL(host.adminUrl).port };
  const { child, output } = runRoomcast(['profile', host.url, '--duration', '10m'], env);
  const before = await storedOn(host);
  await eventually(async () => expect((await storedOn(host)) - before).toBeGreaterThan(messages));
  child.kill('SIGINT');
  const code = child.exitCode ?? (await once(child, 'exit'))[0];
  expect([code, output().stderr]).toEqual([0, expect.stringContaining('bytes in the mean')]);
  return JSON.parse(output().stdout);
}

/** Repeats the profile in a file until `during` has resolved. */
export async function replay<T>(
  host: Host,
  file: string,
  options: readonly string[],
  during: () => Promise<T>,
): Promise<T> {
  const args = ['load', host.url, '--profile', file, '--duration', '1h', ...options, ...PATIENT];
  const { child, output } = runRoomcast(args, {});
  const exited = once(child, 'exit');
  try {
    await eventually(() => expect(output().stdout).toContain('  load  '));
    return await during();
  } finally {
    child.kill('SIGINT');
    const [code] = await exited;
    expect([code, output().stderr, output().stdout]).toEqual([0, '', expect.stringContaining('good')]);
  }
}

const MEASURES = {
  clients: ({ clients }: Profile) => clients,
  polling: ({ pollingShare }: Profile) => pollingShare,
  says: ({ saysPerS }: Profile) => saysPerS,
  privates: ({ privatePerS }: Profile) => privatePerS,
  privateShare: ({ saysPerS, privatePerS }: Profile) => privatePerS / (saysPerS + privatePerS),
  deliveries: ({ deliveriesPerS }: Profile) => deliveriesPerS,
  fanOut: ({ saysPerS, deliveriesPerS }: Profile) => deliveriesPerS / saysPerS,
  connects: ({ connectsPerS }: Profile) => connectsPerS,
  disconnects: ({ disconnectsPerS }: Profile) => disconnectsPerS,
  textBytes: ({ texts }: Profile) => texts.meanBytes,
  longTexts: ({ texts }: Profile) =>
    texts.buckets
      .filter(({ upTo }) => upTo === null || upTo > 256)
      .reduce((sum, { share }) => sum + share, 0),
  largestRoom: ({ rooms }: Profile) => rooms[0]?.clients ?? 0,
  members: ({ rooms }: Profile) => rooms.reduce((sum, each) => sum + each.clients * each.rooms, 0),
} as const;
export type MeasureName = keyof typeof MEASURES;

/** The measures that differ by more than 10 %, with their values. */
export function apart(one: Profile, other: Profile, names: readonly MeasureName[]): string[] {
  return names.flatMap((name) => {
    const [a, b] = [MEASURES[name](one), MEASURES[name](other)];
    return Math.abs(a - b) <= 0.1 * b ? [] : `${name}: ${a} and ${b}`;
  });
}
