import { describe, expect, it } from 'vitest';
import type { StepFigures } from '../../src/load/result.ts';
import { summaryOf } from '../../src/load/summary.ts';
import { compareTurns } from '../../src/load/turn-ratios.ts';
import { SAMPLE_RESULT } from './sample-result.ts';

const figures = (deliveredPerS: number, p50Ms: number): StepFigures => ({
  offeredPerS: 10,
  saidPerS: 10,
  ackedPerS: 10,
  deliveredPerS,
  p50Ms,
  p99Ms: p50Ms * 10,
  errorShare: 0,
  driverCores: 0.1,
});
const DEAD = figures(0, 0);
const ratios = (turns: Parameters<typeof compareTurns>[0], hasSteps = false) => {
  const compared = compareTurns(turns, hasSteps);
  return {
    leftOut: compared.leftOut,
    ...Object.fromEntries(compared.ratios.map((each) => [each.name, each])),
  };
};

describe('the ratios of two servers', () => {
  it('are the medians over the turns of both', () => {
    const turns = [
      { first: figures(100, 4), second: figures(50, 2) },
      { first: figures(90, 6), second: figures(90, 2) },
      { first: figures(80, 1) },
    ];
    expect(ratios(turns)).toMatchObject({
      leftOut: 0,
      'delivered/s': { first: 95, second: 70, median: 1.5, least: 1, most: 2 },
      'p50 ms': { first: 5, second: 2, median: 2.5, least: 2, most: 3 },
    });
  });

  it('take no latency from turns in which a server delivered nothing', () => {
    const alive = { first: figures(100, 4), second: figures(100, 2) };
    const dead = { first: DEAD, second: figures(100, 2) };
    expect(ratios([alive, dead, dead])).toMatchObject({
      leftOut: 2,
      'delivered/s': { first: 0, second: 100, median: 0, least: 0, most: 1 },
      'p50 ms': { median: 2, least: 2, most: 2 },
    });
  });

  it('keep the deliveries of turns in which the second server delivered nothing', () => {
    const alive = { first: figures(100, 4), second: figures(100, 2) };
    const dead = { first: figures(100, 4), second: DEAD };
    expect(ratios([alive, dead, dead], true)).toMatchObject({
      leftOut: 2,
      'delivered/s': { first: 100, second: 0, median: null, least: 1, most: null },
      'highest delivered/s within the limits': { median: 1 },
    });
    expect(ratios([{ first: DEAD, second: DEAD }])).toEqual({ leftOut: 1 });
    expect(ratios([{ first: figures(100, 4) }], true)).toEqual({ leftOut: 0 });
  });
});

describe('the summary of two servers', () => {
  const summary = (turns: Parameters<typeof compareTurns>[0]) =>
    summaryOf({
      ...SAMPLE_RESULT,
      versus: { second: SAMPLE_RESULT, turns, ...compareTurns(turns, false) },
    });

  it('says that a server was not loaded, without a table', () => {
    const words = summary([{ first: figures(100, 4) }]);
    expect(words).toMatch(/^B: http:\/\/127\.0\.0\.1:3000: not loaded: the run ended early$/m);
    expect(words).not.toContain('A ÷ B');
  });

  it('says how many turns have no latency', () => {
    const words = summary([{ first: figures(100, 4), second: DEAD }]);
    expect(words).toMatch(/^ *delivered\/s +100 +0 +∞ \(∞ … ∞\)$/m);
    expect(words).toContain('Latency and CPU are without 1 turn in which a server delivered nothing.');
  });
});
