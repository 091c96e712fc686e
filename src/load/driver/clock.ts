/** µs on the machine's monotonic clock, which all driver processes share: what one sends another may time. */
export type Clock = () => number;

export function createClock(): Clock {
  const offsetUs = Number(process.hrtime.bigint()) / 1e3 - performance.now() * 1e3;
  return () => performance.now() * 1e3 + offsetUs;
}
