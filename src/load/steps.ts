import type { LoadConfig, StepFigures } from './result.ts';
import { msAt, type Stretch } from './timeline.ts';
import { errorShareOf } from './verdict.ts';

type HistogramName = 'deliverUs' | 'ackUs' | 'joinUs' | 'lagUs' | 'loopDelayUs';

/**
 * The figures of one offered load, and the limit that it broke: rates while clients talked, latency and errors with the
 * answers that came after.
 */
export function stepOf(
  talked: Omit<Stretch, HistogramName>,
  stretch: Stretch,
  offeredPerS: number,
  { maxP99Ms, maxErrorShare }: LoadConfig,
  hasServers: boolean,
): StepFigures {
  const perS = (count: number) => (count / talked.tookMs) * 1_000;
  const p99Ms = msAt(stretch.deliverUs, 99);
  const errorShare = errorShareOf(stretch);
  const broke =
    maxP99Ms !== undefined && p99Ms > maxP99Ms
      ? `p99 was ${p99Ms.toFixed(1)} ms at ${offeredPerS}/s, above ${maxP99Ms} ms.`
      : errorShare > maxErrorShare
        ? `${(errorShare * 100).toFixed(1)} % failed at ${offeredPerS}/s, above ${maxErrorShare * 100} %.`
        : undefined;
  return {
    offeredPerS,
    saidPerS: perS(talked.said),
    ackedPerS: perS(talked.acked),
    deliveredPerS: perS(talked.delivered),
    p50Ms: msAt(stretch.deliverUs, 50),
    p99Ms,
    errorShare,
    driverCores: talked.driverCpuMs / talked.tookMs,
    ...(hasServers && {
      serverCores: talked.serverCpuMs / talked.tookMs,
      serverUsPerDelivery: (talked.serverCpuMs * 1e3) / Math.max(1, talked.delivered),
    }),
    ...(broke !== undefined && { broke }),
  };
}

/** Adds the latencies of what was said in the load and came after it. */
export function addLate(load: Stretch, { deliverUs, ackUs }: Stretch): void {
  load.deliverUs.add(deliverUs);
  load.ackUs.add(ackUs);
}

/** The whole load of a run with steps. */
export function mergedStretch(stretches: readonly Stretch[]): Stretch {
  const [first, ...rest] = stretches;
  if (first === undefined) throw new Error('a run has one stretch of load at least');
  for (const each of rest) {
    first.tookMs += each.tookMs;
    first.delivered += each.delivered;
    first.driverCpuMs += each.driverCpuMs;
    first.serverCpuMs += each.serverCpuMs;
    for (const name of ['deliverUs', 'ackUs', 'lagUs', 'loopDelayUs'] as const) first[name].add(each[name]);
  }
  return first;
}
