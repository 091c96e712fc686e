import { performance } from 'node:perf_hooks';

/** Returns the share of the time since the last call that this thread's event loop was busy, 0 to 1. */
export type Utilization = () => number;

/** Returns the processor time of all threads of this process since its start. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

export function createUtilization(): Utilization {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
