import type { Rate } from './grammar.ts';

/** The events that a client needs beside its messages: rejoining its rooms, reading history, typing. */
const LEAST_EVENTS: Rate = { perMs: 100 / 1_000, burst: 1_000 };
const LEAST_BYTES: Rate = { perMs: 1_000_000 / 1_000, burst: 4_000_000 };
const EVENTS_PER_SAY = 5;
/** The largest free-form data is four times the longest text, and may be escaped. */
const BYTES_PER_TEXT_BYTE = 8;

export interface TrafficRates {
  readonly events: Rate | undefined;
  readonly bytes: Rate | undefined;
}

/** Limits that no honest client reaches. There are none if messages have no limit, as in a load test. */
export function trafficRatesFor(say: Rate | undefined, maxTextBytes: number): TrafficRates {
  if (!say) return { events: undefined, bytes: undefined };
  const atLeast = (least: Rate, times: number): Rate => ({
    perMs: Math.max(least.perMs, say.perMs * times),
    burst: Math.max(least.burst, say.burst * times),
  });
  return {
    events: atLeast(LEAST_EVENTS, EVENTS_PER_SAY),
    bytes: atLeast(LEAST_BYTES, BYTES_PER_TEXT_BYTE * maxTextBytes),
  };
}
