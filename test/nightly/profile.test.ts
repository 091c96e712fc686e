import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Profile } from '../../src/load/profile/profile.ts';
import { runRoomcast } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { UNEVEN } from '../support/profiles.ts';
import { type System, startSystem } from '../support/system.ts';

const SCALE = 2;
/** A client that leaves is away for a second: few at a time, so that the sizes of rooms stay what they are. */
const CHURN_PER_S = 1;
const DURATION = '40s';
/** Two hosts are started and measured one after the other. */
const LIMIT_MS = 600_000;

/** Limits that a busy machine does not reach. */
const PATIENT = ['--max-lag', '1h', '--max-errors', '100%', '--max-p99', '1h'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-profile-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Takes a profile of the system for so long. */
async function takeProfile({ hosts, workerUrls }: System, duration: string): Promise<Profile> {
  const metrics = hosts.map(({ adminUrl }) => adminUrl).join(',');
  const args = ['profile', workerUrls[0] as string, '--metrics', metrics, '--duration', duration];
  const { child, output } = runRoomcast(args, { API_KEYS: hosts[0]?.apiKey.trim() ?? '' });
  const [code] = await once(child, 'exit');
  expect([code, output().stderr]).toEqual([0, expect.stringContaining('bytes in the mean')]);
  return JSON.parse(output().stdout);
}

/** Repeats the profile in a file until `during` has resolved. */
async function replay<T>({ workerUrls }: System, file: string, during: () => Promise<T>): Promise<T> {
  const args = ['load', ...workerUrls, '--profile', file, '--duration', '1h', ...PATIENT];
  const { child, output } = runRoomcast(args, {});
  const exited = once(child, 'exit');
  let value: T;
  try {
    await eventually(() => expect(output().stdout).toContain('  load  '));
    value = await during();
  } finally {
    child.kill('SIGINT');
  }
  const [code] = await exited;
  expect([code, output().stderr]).toEqual([0, '']);
  return value;
}

const MEASURES = {
  clients: ({ clients }: Profile) => clients,
  polling: ({ pollingShare }: Profile) => pollingShare,
  says: ({ saysPerS }: Profile) => saysPerS,
  privates: ({ privatePerS }: Profile) => privatePerS,
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

/** The measures that differ by more than 10 %, with their values. */
function apart(one: Profile, other: Profile): string[] {
  return Object.entries(MEASURES).flatMap(([name, measureOf]) => {
    const [a, b] = [measureOf(one), measureOf(other)];
    return Math.abs(a - b) <= 0.1 * b ? [] : `${name}: ${a} and ${b}`;
  });
}

/** Repeats a profile on a new host, and takes the profile of that. */
async function repeated(name: string, profile: Profile): Promise<Profile> {
  const file = join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(profile));
  const system = await startSystem('embedded', { RATE_SAY: '0' });
  try {
    return await replay(system, file, () => takeProfile(system, DURATION));
  } finally {
    await system.stop();
  }
}

describe('the profile of a host under an uneven load', () => {
  it(
    'is that of the load, and its replay has the same on a new host',
    async () => {
      const load: Profile = {
        ...UNEVEN,
        clients: UNEVEN.clients * SCALE,
        saysPerS: UNEVEN.saysPerS * SCALE,
        privatePerS: UNEVEN.privatePerS * SCALE,
        deliveriesPerS: UNEVEN.deliveriesPerS * SCALE,
        connectsPerS: CHURN_PER_S,
        disconnectsPerS: CHURN_PER_S,
        rooms: UNEVEN.rooms.map(({ clients, rooms }) => ({ clients, rooms: rooms * SCALE })),
      };
      const measured = await repeated('load', load);
      expect(apart(measured, load)).toEqual([]);
      const again = await repeated('measured', measured);
      expect(apart(again, measured)).toEqual([]);
    },
    LIMIT_MS,
  );
});
