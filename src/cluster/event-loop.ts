/** Returns the share of the time since the last call that this thread's event loop was busy, 0 to 1. */
export type Utilization = () => number;

export function createUtilization(): Utilization {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
