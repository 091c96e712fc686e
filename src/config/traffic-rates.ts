import type { Rate } from './grammar.ts';

/** The events that a client needs beside its messages: rejoining its rooms, reading history, typing. */
const LEAST_EVENTS: Rate = { perMs: 100 / 1_000, burst: 1_000 };
const LEAST_BYTES: Rate = { perMs: 1_000_000 / 1_000, burst: 4_000_000 };
const EVENTS_PER_SAY = 5;
const EVENTS_PER_SIGNAL = 3;
/** The largest free-form data is four times the longest text, and may be escaped. */
const BYTES_PER_TEXT_BYTE = 8;
/** Twice the largest data of a signal, which may be escaped. */
const BYTES_PER_SIGNAL = 8_192;

export interface TrafficRates {
  readonly events: Rate | undefined;
  readonly bytes: Rate | undefined;
}

export interface MessageRates {
  readonly rateSay: Rate | undefined;
  readonly rateSignal: Rate | undefined;
  readonly maxTextBytes: number;
}

/** Limits that no honest client reaches. There are none if messages have no limit, as in a load test. */
export function trafficRatesFor({ rateSay, rateSignal, maxTextBytes }: MessageRates): TrafficRates {
  if (!rateSay || !rateSignal) return { events: undefined, bytes: undefined };
  const atLeast = (least: Rate, perSay: number, perSignal: number): Rate => {
    const of = (part: keyof Rate) =>
      Math.max(least[part], rateSay[part] * perSay, rateSignal[part] * perSignal);
    return { perMs: of('perMs'), burst: of('burst') };
  };
  return {
    events: atLeast(LEAST_EVENTS, EVENTS_PER_SAY, EVENTS_PER_SIGNAL),
    bytes: atLeast(LEAST_BYTES, BYTES_PER_TEXT_BYTE * maxTextBytes, BYTES_PER_SIGNAL),
  };
}
