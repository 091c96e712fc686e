import { encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { LatencySummary } from './result.ts';

/** Points per halving of what is left above: close enough for a smooth curve on a log axis. */
const POINTS_PER_HALF = 4;

export function summarize(us: Histogram): LatencySummary {
  const at = (percentile: number) => us.getValueAtPercentile(percentile) / 1e3;
  const count = us.totalCount;
  return {
    count,
    meanMs: count === 0 ? 0 : us.mean / 1e3,
    p50Ms: at(50),
    p90Ms: at(90),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: us.maxValue / 1e3,
    percentiles: count === 0 ? [] : curve(count).map((percentile) => ({ percentile, ms: at(percentile) })),
    histogram: encodeIntoCompressedBase64(us),
  };
}

/** From 0 on, ever closer to 100, as far as single values still tell two points apart. */
function curve(count: number): number[] {
  const percentiles: number[] = [];
  for (let left = 100; left > 100 / count / 2; left /= 2) {
    for (let point = 0; point < POINTS_PER_HALF; point += 1)
      percentiles.push(100 - left + (left / 2) * (point / POINTS_PER_HALF));
  }
  return [...percentiles, 100];
}
