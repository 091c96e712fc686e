import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LoadResult, SecondFigures } from '../../src/load/result.ts';
import { runRoomcast } from '../support/cluster.ts';
import { systemFixture } from '../support/fixture.ts';

const MINUTES = 2;
/** The most by which a heap that grows and shrinks between collections may differ. */
const SWAY = 1.2;

describe('roomcast load', () => {
  const stage = systemFixture('embedded');

  it(`checks every message for ${MINUTES} minutes in memory that does not grow`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roomcast-load-'));
    try {
      const file = join(folder, 'result.json');
      const url = stage.system.hosts[0]?.url as string;
      const size = ['--clients', '400', '--rooms', '8', '--ramp', '200/s', '--rate', '400/s'];
      const more = ['--churn', '2/s', '--private', '2%', '--max-lag', '1h', '--max-errors', '100%'];
      const args = ['load', url, ...size, ...more, '--duration', `${MINUTES}m`, '--json', file];
      const { child } = runRoomcast(args, {});
      await once(child, 'exit');
      const { verdict, seconds } = JSON.parse(await readFile(file, 'utf8')) as LoadResult;
      expect(verdict).toMatchObject({ outcome: 'good', findings: [] });
      const load = seconds.filter(({ phase }) => phase === 'load');
      const quarter = Math.floor(load.length / 4);
      const early = medianRss(load.slice(quarter, 2 * quarter));
      expect(medianRss(load.slice(-quarter))).toBeLessThan(early * SWAY);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

function medianRss(seconds: readonly SecondFigures[]): number {
  const sorted = seconds.map(({ driverRssBytes }) => driverRssBytes).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
