import type { Rate } from './grammar.ts';

/** The events that a client needs beside its messages: rejoining its rooms, reading history, typing. */
const LEAST_EVENTS: Rate = { perMs: 100 / 1_000, burst: 1_000 };
const LEAST_BYTES: Rate = { perMs: 1_000_000 / 1_000, burst: 4_000_000 };
/** A user who writes as often as RATE_SAY lets through stays below it with messages of half a kilobyte. */
const LEAST_STORED: Rate = { perMs: 72_000_000 / 3_600_000, burst: 32_000_000 };
const STORED_BYTES_PER_SAY = 1_000;
const EVENTS_PER_SAY = 5;
const EVENTS_PER_SIGNAL = 3;
/** The largest free-form data is four times the longest text, and may be escaped. */
const BYTES_PER_TEXT_BYTE = 8;
/** One room a second, and at once what a client opens that returns to an empty store, in a namespace or two. */
const ROOMS_PER_MS = 60 / 60_000;
const LEAST_ROOMS = 200;
const ROOMS_PER_ALLOWED = 4;
/** Twice the largest data of a signal, which may be escaped. */
const BYTES_PER_SIGNAL = 8_192;

export interface TrafficRates {
  readonly rooms: Rate | undefined;
  readonly events: Rate | undefined;
  readonly bytes: Rate | undefined;
  /** Bytes that a user has the store keep. */
  readonly stored: Rate | undefined;
}

export interface MessageRates {
  readonly rateSay: Rate | undefined;
  readonly rateSignal: Rate | undefined;
  readonly maxTextBytes: number;
  readonly maxRoomsPerClient: number;
}

/** Limits that no honest client reaches. There are none if messages have no limit, as in a load test. */
export function trafficRatesFor(given: MessageRates): TrafficRates {
  const { rateSay, rateSignal, maxTextBytes, maxRoomsPerClient } = given;
  const stored = rateSay && {
    perMs: Math.max(LEAST_STORED.perMs, rateSay.perMs * STORED_BYTES_PER_SAY),
    burst: Math.max(LEAST_STORED.burst, rateSay.burst * STORED_BYTES_PER_SAY),
  };
  if (!rateSay || !rateSignal) return { rooms: undefined, events: undefined, bytes: undefined, stored };
  const atLeast = (least: Rate, perSay: number, perSignal: number): Rate => {
    const of = (part: keyof Rate) =>
      Math.max(least[part], rateSay[part] * perSay, rateSignal[part] * perSignal);
    return { perMs: of('perMs'), burst: of('burst') };
  };
  return {
    rooms: { perMs: ROOMS_PER_MS, burst: Math.max(LEAST_ROOMS, ROOMS_PER_ALLOWED * maxRoomsPerClient) },
    events: atLeast(LEAST_EVENTS, EVENTS_PER_SAY, EVENTS_PER_SIGNAL),
    bytes: atLeast(LEAST_BYTES, BYTES_PER_TEXT_BYTE * maxTextBytes, BYTES_PER_SIGNAL),
    stored,
  };
}
