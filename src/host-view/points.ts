import { quantileMs, type Totals } from './totals.ts';
import type { Count, Series } from './view.ts';

/** The numbers that are read of the host at one moment. */
export interface Reading {
  /** Ms since 1970. */
  readonly at: number;
  /** The time of a clock that only rises. */
  readonly elapsedMs: number;
  readonly totals: Totals;
  readonly clients: number;
  readonly loopDelayMs: number;
}

/** The readings of the last quarter of an hour, in bounded memory. */
export interface Points {
  add(reading: Reading): void;
  series(): Series;
  refused(): readonly Count[];
  counts(): readonly Count[];
}

export const POINT_MS = 5_000;
const SHOWN_MS = 15 * 60_000;

type Point = { readonly [Name in keyof Series]: Series[Name][number] };

export function createPoints(): Points {
  /** One more than points are shown: each point lies between two of them. */
  const readings: Reading[] = [];
  const points: Point[] = [];

  function countsOf(read: (totals: Totals) => ReadonlyMap<string, number>): Count[] {
    const newest = readings.at(-1);
    if (!newest) return [];
    const oldest = readings[0]?.totals;
    return [...read(newest.totals)].map(([name, total]) => {
      const before = (oldest && read(oldest).get(name)) ?? 0;
      return { name, recent: Math.max(0, total - before), total };
    });
  }

  return {
    add(reading) {
      const before = readings.at(-1);
      readings.push(reading);
      if (!before) return;
      points.push(pointBetween(before, reading));
      if (points.length <= SHOWN_MS / POINT_MS) return;
      points.shift();
      readings.shift();
    },
    series: () => ({
      at: points.map(({ at }) => at),
      acks: points.map(({ acks }) => acks),
      deliveries: points.map(({ deliveries }) => deliveries),
      refusals: points.map(({ refusals }) => refusals),
      ackP50: points.map(({ ackP50 }) => ackP50),
      ackP99: points.map(({ ackP99 }) => ackP99),
      waitP50: points.map(({ waitP50 }) => waitP50),
      waitP99: points.map(({ waitP99 }) => waitP99),
      storeP50: points.map(({ storeP50 }) => storeP50),
      storeP99: points.map(({ storeP99 }) => storeP99),
      clients: points.map(({ clients }) => clients),
      loopDelayMs: points.map(({ loopDelayMs }) => loopDelayMs),
    }),
    refused: () => countsOf(({ refused }) => refused).sort((one, other) => other.recent - one.recent),
    counts: () => countsOf(({ counts }) => counts),
  };
}

function pointBetween(before: Reading, after: Reading): Point {
  const seconds = Math.max(0.001, (after.elapsedMs - before.elapsedMs) / 1_000);
  const [old, now] = [before.totals, after.totals];
  const perSecond = (from: number, to: number) => round(Math.max(0, to - from) / seconds);
  const quantile = (of: 'ack' | 'wait' | 'store', which: number) => {
    const ms = quantileMs(old[of], now[of], which);
    return ms === null ? null : round(ms);
  };
  return {
    at: after.at,
    acks: perSecond(old.acks, now.acks),
    deliveries: perSecond(old.deliveries, now.deliveries),
    refusals: perSecond(sumOf(old.refused), sumOf(now.refused)),
    ackP50: quantile('ack', 0.5),
    ackP99: quantile('ack', 0.99),
    waitP50: quantile('wait', 0.5),
    waitP99: quantile('wait', 0.99),
    storeP50: quantile('store', 0.5),
    storeP99: quantile('store', 0.99),
    clients: after.clients,
    loopDelayMs: after.loopDelayMs,
  };
}

const sumOf = (counts: ReadonlyMap<string, number>) =>
  [...counts.values()].reduce((sum, one) => sum + one, 0);
const round = (value: number) => Math.round(value * 100) / 100;
