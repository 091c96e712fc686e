import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CASES } from '../bench/cases/all.ts';
import { tableIn } from '../bench/marked-table.ts';
import { tableOf } from '../bench/readme-table.ts';
import { type Row, readRows } from '../bench/rows.ts';
import { summaryOf } from '../bench/summary-table.ts';

const PROVENANCE = { commit: 'abc', node: 'v20', cpu: 'a cpu', cores: 2, command: 'npm run bench' };

function row(system: string, at: string, median: number): Row {
  const spread = { median, min: median, max: median };
  return {
    ...PROVENANCE,
    at,
    case: 'small-rooms',
    params: { rooms: 1_000 },
    system,
    runs: 5,
    failed: [],
    values: { saidUs: spread },
    ...(system === 'roomcast'
      ? { baseline: 'sharded', ratios: { saidUs: { median: 0.8, min: 0.7, max: 0.9 } } }
      : {}),
  };
}

describe('the table of the benchmarks', () => {
  it('is what the generator makes of the committed rows', async () => {
    const readme = await readFile(new URL('../bench/README.md', import.meta.url), 'utf8');
    expect(tableIn(readme)).toBe(tableOf(CASES, await readRows()));
  });

  it('shows the last run of a case only, with the ratio of the pairs', () => {
    const table = tableOf(CASES, [
      row('roomcast', '2026-01-01T00:00:00Z', 1),
      row('sharded', '2026-01-02T00:00:00Z', 100),
      row('roomcast', '2026-01-02T00:00:00Z', 80),
    ]);
    expect(table.split('\n').filter((line) => line.startsWith('| small-rooms'))).toEqual([
      '| small-rooms: all µs | rooms=1000 | 100.0 |  |  |  |  |  | **80.0** | 0.80 (0.70 … 0.90) |',
    ]);
  });

  it('does not hide a system that failed', () => {
    const failed = { ...row('sharded', '2026-01-02T00:00:00Z', 1), runs: 0, values: {}, failed: ['lost 1'] };
    const table = tableOf(CASES, [failed, row('roomcast', '2026-01-02T00:00:00Z', 80)]);
    expect(table).toContain('| failed |');
    expect(table).toContain('small-rooms: 1 failed runs of sharded are not in it.');
  });
});

describe('the short table of the benchmarks in the top README', () => {
  it('is what the generator makes of the committed rows, in eight lines at most', async () => {
    const table = tableIn(await readFile(new URL('../../README.md', import.meta.url), 'utf8'));
    expect(table).toBe(summaryOf(await readRows()));
    expect(table.split('\n').length - 2).toBeLessThanOrEqual(8);
  });

  it.each([
    [2.5, /\| \*\*[\d.]+ ms\*\* \| [\d.]+ ms \| 2\.5 × more \|$/],
    [0.4, /\| [\d.]+ ms \| \*\*[\d.]+ ms\*\* \| 2\.5 × less \|$/],
  ])('shows a ratio of %d as what it is, the better value in bold', async (median, cells) => {
    const connectUs = { median, min: median, max: median };
    const rows = (await readRows()).map((row) =>
      row.ratios === undefined ? row : { ...row, ratios: { ...row.ratios, connectUs } },
    );
    const line = summaryOf(rows)
      .split('\n')
      .find((text) => text.startsWith('| CPU to connect'));
    expect(line).toMatch(cells);
  });

  it('has no place for a system that is missing', () => {
    expect(() => summaryOf([row('roomcast', '2026-01-01T00:00:00Z', 1)])).toThrow('no run of');
  });
});
