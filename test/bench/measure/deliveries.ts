import type { Histogram } from 'hdr-histogram-js';
import type { Values } from '../case.ts';
import type { Measured } from './window.ts';

/** The values of a window in which messages were delivered. */
export function deliveryValues({ seen, cpuNs, totalNs, elapsedMs, othersCores }: Measured): Values {
  const { delivered } = seen;
  const perDeliveryUs = (ns: number) => ns / 1e3 / delivered;
  const perSecond = (times: number) => (times / elapsedMs) * 1_000;
  const refused = Object.values(seen.refused).reduce((sum, times) => sum + times, 0);
  return {
    workerUs: perDeliveryUs(cpuNs.worker),
    primaryUs: perDeliveryUs(cpuNs.primary),
    redisUs: perDeliveryUs(cpuNs.redis),
    totalUs: perDeliveryUs(totalNs),
    deliveredPerS: perSecond(delivered),
    sentPerS: perSecond(seen.sent),
    refusedPerS: perSecond(refused),
    backlog: seen.backlog,
    p50Ms: milliseconds(seen.deliverUs, 50),
    p99Ms: milliseconds(seen.deliverUs, 99),
    ackP99Ms: milliseconds(seen.ackUs, 99),
    driverCores: seen.cpuNs / 1e6 / elapsedMs,
    othersCores,
  };
}

export function milliseconds(us: Histogram, percentile: number): number {
  return us.getValueAtPercentile(percentile) / 1_000;
}
