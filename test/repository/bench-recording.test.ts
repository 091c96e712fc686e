import { describe, expect, it } from 'vitest';
import type { LoadResult } from '../../src/load/result.ts';
import type { Case } from '../bench/case.ts';
import { type BusySample, MAX_OTHERS_CORES, othersCoresOf } from '../bench/measure/others-watch.ts';
import { recordable, versusRefusal } from '../bench/recordable.ts';
import { runCase } from '../bench/rounds.ts';
import type { Row } from '../bench/rows.ts';
import { onNode, openNodeVersion } from '../bench/systems/node-versions.ts';
import type { RunningSystem, SystemOptions } from '../bench/systems/system.ts';
import { SAMPLE_RESULT } from '../load/sample-result.ts';

const PROVENANCE = {
  at: '2026-01-01T00:00:00Z',
  commit: 'abc',
  node: 'v20',
  cpu: 'a cpu',
  cores: 2,
  command: 'npm run bench',
};
const CASE: Case = {
  name: 'a case',
  title: 'a case',
  rounds: 3,
  figures: [],
  scenes: () => [
    {
      params: { members: 10 },
      systems: ['roomcast', 'sharded'],
      run: async () => [{ params: {}, values: { us: 1 } }],
    },
  ],
};

/** Rows of a run in whose rounds others kept so many cores busy, in the order of the runs. */
async function rowsBeside(othersCores: readonly number[]): Promise<Row[]> {
  const left = [...othersCores];
  return runCase(
    CASE,
    {
      scale: { size: 'tiny', only: {} },
      say: () => undefined,
      watch: () => ({ stop: () => left.shift() ?? 0 }),
    },
    PROVENANCE,
  );
}

describe('a benchmark on a machine that others use', () => {
  it('keeps the rows of a quiet run, with what others used in the busiest round', async () => {
    const rows = await rowsBeside([0.01, 0.02, 0.03, 0.04, 0.05, 0.06]);
    expect(rows.map(({ othersCores }) => othersCores).sort()).toEqual([0.05, 0.06]);
    expect(recordable(rows)).toEqual({ kept: rows });
  });

  it('keeps none if one run of one system was beside too much', async () => {
    const { kept, refusal } = recordable(await rowsBeside([0, 0, 0, 1.4, 0, 0]));
    expect(kept).toEqual([]);
    expect(refusal).toMatch(/other processes kept 1\.40 cores busy/);
  });

  it('keeps rows that are exactly at the limit, and those from before the limit', async () => {
    const [row] = await rowsBeside([MAX_OTHERS_CORES]);
    const { othersCores: _, ...old } = row as Row;
    expect(recordable([row as Row, old]).kept).toHaveLength(2);
  });

  it('counts a run that failed, too', async () => {
    const failing: Case = {
      ...CASE,
      rounds: 1,
      scenes: () => [
        {
          params: {},
          systems: ['roomcast'],
          run: async () => {
            throw new Error('lost 1');
          },
        },
      ],
    };
    const options = {
      scale: { size: 'tiny', only: {} },
      say: () => undefined,
      watch: () => ({ stop: () => 2 }),
    } as const;
    const rows = await runCase(failing, options, PROVENANCE);
    expect(rows.map(({ failed, othersCores }) => [failed, othersCores])).toEqual([[['lost 1'], 2]]);
  });
});

describe('the work of others', () => {
  const SECOND = 1_000;
  const sample = (second: number, busyMs: number, own: Record<number, number>): BusySample => ({
    atMs: second * SECOND,
    busyMs,
    ownMs: new Map(Object.entries(own).map(([pid, ms]) => [Number(pid), ms])),
  });

  it('is what the machine does without this process and those it started', () => {
    const samples = [sample(0, 5_000, { 1: 100 }), sample(1, 6_500, { 1: 200, 2: 700 })];
    // 1,500 ms of all, 100 of process 1 and 700 of process 2, which is new.
    expect(othersCoresOf(samples)).toBeCloseTo(0.7);
  });

  it('is nothing if the clocks of the kernel differ a little', () => {
    expect(othersCoresOf([sample(0, 0, { 1: 0 }), sample(1, 990, { 1: 1_000 })])).toBe(0);
  });

  it('is not what a process of ours did before it ended', () => {
    const samples = [0, 1, 2, 3, 4].map((second) =>
      sample(second, second * 900, second < 4 ? { 1: second * 900 } : {}),
    );
    expect(othersCoresOf(samples)).toBe(0);
  });

  it('shows when others are busy in a third of the run', () => {
    const others = [0, 0, 0, 0, 800, 800, 800];
    let busyMs = 0;
    const samples = others.map((ms, second) => {
      busyMs += ms;
      return sample(second, busyMs, {});
    });
    expect(othersCoresOf(samples)).toBeCloseTo(0.8);
  });

  it('is unknown, so nothing, of a run without a stretch', () => {
    expect(othersCoresOf([sample(0, 0, {})])).toBe(0);
  });
});

describe('a benchmark on several versions of Node', () => {
  it('runs each system on each, and compares it with the baseline on the same one', async () => {
    const started: (string | undefined)[] = [];
    const onNodes: Case = {
      ...CASE,
      rounds: 1,
      scenes: () => [
        {
          params: {},
          systems: ['roomcast', 'sharded'],
          run: async ({ name }) => {
            started.push(name);
            return [{ params: {}, values: { us: name.startsWith('roomcast') ? 3 : 2 } }];
          },
        },
      ],
    };
    const options = {
      scale: { size: 'tiny', only: {} },
      say: () => undefined,
      watch: () => ({ stop: () => 0 }),
      nodes: ['20', '24'].map((label) => ({ label, executable: `/node/${label}` })),
    } as const;
    const rows = await runCase(onNodes, options, PROVENANCE);
    expect(started.sort()).toEqual(['roomcast@20', 'roomcast@24', 'sharded@20', 'sharded@24']);
    expect(rows.map(({ system, baseline, ratios }) => [system, baseline, ratios?.us?.median])).toEqual([
      ['roomcast@20', 'sharded@20', 1.5],
      ['roomcast@24', 'sharded@24', 1.5],
      ['sharded@20', undefined, undefined],
      ['sharded@24', undefined, undefined],
    ]);
  });

  it('starts the servers with the executable of the version', async () => {
    const opened: (string | undefined)[] = [];
    const system = {
      name: 'any',
      title: 'any',
      dialectName: 'stock',
      open: async ({ node }: SystemOptions) => {
        opened.push(node);
        return {} as RunningSystem;
      },
    } as const;
    const on24 = onNode(system, { label: '24', executable: '/node/24' });
    await on24.open({ workers: 1 });
    expect([on24.name, opened]).toEqual(['any@24', ['/node/24']]);
  });

  it('takes the running Node as it is, and nothing but major versions', () => {
    const [major = ''] = process.versions.node.split('.');
    expect(openNodeVersion(major).executable).toBe(process.execPath);
    expect(() => openNodeVersion('24.1')).toThrow('not a major version');
  });
});

describe('a comparison of two servers', () => {
  const resultOf = (outcome: LoadResult['verdict']['outcome']): LoadResult => ({
    ...SAMPLE_RESULT,
    verdict: { ...SAMPLE_RESULT.verdict, outcome },
  });
  const ratio = { name: 'delivered/s', first: 2, second: 1, median: 2, least: 2, most: 2 };
  const compared = (
    first: LoadResult['verdict']['outcome'],
    second: LoadResult['verdict']['outcome'],
    ratios = [ratio],
  ): LoadResult => ({
    ...resultOf(first),
    versus: { second: resultOf(second), turns: [], ratios, leftOut: 0 },
  });

  it('is for the record if neither server did wrong, on a quiet machine', () => {
    expect(versusRefusal(compared('good', 'threshold-missed'), MAX_OTHERS_CORES)).toBeUndefined();
  });

  it.each([
    ['is wrong', compared('good', 'wrong'), 0],
    ['is driver too slow', compared('driver-too-slow', 'good'), 0],
    ['no turn was of both', compared('good', 'good', []), 0],
    ['there is no second server', resultOf('good'), 0],
    ['other processes kept 0.50 cores busy', compared('good', 'good'), 0.5],
  ])('is refused if %s', (why, result, othersCores) => {
    expect(versusRefusal(result, othersCores)).toContain(why);
  });
});
