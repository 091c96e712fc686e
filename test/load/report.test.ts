import { describe, expect, test } from 'vitest';
import { duration, percent } from '../../src/load/numbers.ts';
import { renderReport } from '../../src/load/report/report.ts';
import { linearScale, logScale, percentileScale } from '../../src/load/report/scales.ts';
import type { LoadResult, SecondFigures, StepFigures } from '../../src/load/result.ts';
import { SAMPLE_RESULT } from './sample-result.ts';

const MAX_BYTES = 300_000;

describe('the report of a load run', () => {
  test('escapes every text that comes from outside', () => {
    const evil = `<script>alert("&'")</script>`;
    const page = renderReport({
      ...SAMPLE_RESULT,
      command: evil,
      config: { ...SAMPLE_RESULT.config, urls: [evil], dialect: evil, faults: [evil] },
      verdict: {
        ...SAMPLE_RESULT.verdict,
        reasons: [evil],
        findings: [{ kind: 'lost', detail: evil }],
        notChecked: [evil],
      },
      totals: { ...SAMPLE_RESULT.totals, refused: { [evil]: 1 }, failedConnections: { [evil]: 1 } },
      servers: [{ url: evil, clients: 1, delivered: 1, acked: 1, refused: 0 }],
      faults: [{ name: evil, fromMs: 1_000, toMs: 2_000, detail: evil }],
      machine: { ...SAMPLE_RESULT.machine, cpuModel: evil },
    });

    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;script&gt;alert(&quot;&amp;&#39;&quot;)&lt;/script&gt;');
  });

  test('asks for nothing outside itself', () => {
    const page = renderReport(SAMPLE_RESULT);
    expect(page).not.toMatch(/\b(?:src|href|srcset)=|@import|url\(/);
  });

  test('stays small after a day with hundreds of findings and shows the worst second of it', () => {
    const [calm] = SAMPLE_RESULT.seconds.filter(({ phase }) => phase === 'load');
    const seconds = Array.from({ length: 86_400 }, (_, index): SecondFigures => {
      const second = { ...(calm as SecondFigures), atMs: (index + 1) * 1_000 };
      return index === 40_000 ? { ...second, p99Ms: 7_654 } : second;
    });
    const findings = Array.from({ length: 700 }, (_, index) => ({
      kind: 'lost' as const,
      detail: `client ${index} in load-${index}: ${index + 2} came after ${index}`,
    }));
    const verdict = { ...SAMPLE_RESULT.verdict, findings };
    const page = renderReport({ ...SAMPLE_RESULT, seconds, verdict });

    expect(Buffer.byteLength(page)).toBeLessThan(MAX_BYTES);
    expect(page).toContain(`p99 ${duration(7_654)}`);
  });

  test('says the outcome, its reasons and the command to repeat it', () => {
    const page = renderReport(SAMPLE_RESULT);
    expect(page).toContain('✗ Wrong');
    expect(page).toContain('<li>2 messages were lost</li>');
    expect(page).toContain('--fault &#39;kill-worker@20s&#39; --seed 7</pre>');
    expect(page).toContain('kill-worker@20s</text>');
  });

  test('draws the latency of each step and names the limit that one broke', () => {
    const step: StepFigures = {
      offeredPerS: 1_000,
      saidPerS: 1_000,
      ackedPerS: 999,
      deliveredPerS: 50_000,
      p50Ms: 3,
      p99Ms: 18,
      errorShare: 0.001,
      driverCores: 0.4,
      serverCores: 0.6,
      serverUsPerDelivery: 12,
    };
    const broken = { ...step, offeredPerS: 4_000, deliveredPerS: 160_000, p99Ms: 340, broke: 'p99 340 ms' };
    const page = renderReport({ ...SAMPLE_RESULT, steps: [step, broken] });
    expect(page).toContain('Latency by load');
    expect(page).toContain('<td>p99 340 ms</td>');
  });

  test('has no empty figure and no NaN after a run in which nothing was delivered', () => {
    const none = { ...SAMPLE_RESULT.latency.delivered, count: 0, percentiles: [] };
    const nothing: LoadResult = {
      ...SAMPLE_RESULT,
      latency: { delivered: none, acked: none, joined: none },
      seconds: [],
      servers: [],
      totals: { ...SAMPLE_RESULT.totals, said: 0, delivered: 0 },
    };
    const page = renderReport(nothing);
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
    expect(page).not.toContain('<figure>');
  });
});

describe('the axes', () => {
  test('begin at zero and end at a round number above the greatest value', () => {
    const { ticks, at } = linearScale(9_923);
    expect(ticks[0]?.value).toBe(0);
    expect(ticks.at(-1)?.label).toBe('10,000');
    expect(at(5_000)).toBe(0.5);
  });

  test.each([0, 0.3, 1e-9, 7, 1e9])('have ticks for a greatest value of %d', (max) => {
    const { ticks } = linearScale(max);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThan(12);
    expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length);
  });

  test('of latencies give each decade the same room', () => {
    const { at } = logScale(1, 1_000);
    expect(at(1)).toBe(0);
    expect(at(10)).toBeCloseTo(1 / 3);
    expect(at(1_000)).toBe(1);
  });

  test('of percentiles give each nine the same room', () => {
    const { at, ticks } = percentileScale(99.99);
    expect(at(99) - at(90)).toBeCloseTo(at(99.9) - at(99));
    expect(ticks.at(-1)?.label).toBe('p99.99');
  });
});

test('a share below 1 never reads as 100 %, and one above 0 never as 0 %', () => {
  expect(percent(1)).toBe('100 %');
  expect(percent(0.99999)).toBe('> 99.9 %');
  expect(percent(0.00001)).toBe('< 0.1 %');
  expect(percent(0)).toBe('0 %');
});

test('a length of time is given in the unit a person would choose', () => {
  expect([0.42, 12.34, 1_500, 3_600_000, 90_500].map(duration)).toEqual([
    '0.42 ms',
    '12.3 ms',
    '1.5 s',
    '60 min',
    '90.5 s',
  ]);
});
