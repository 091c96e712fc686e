import { type Refusal, refuse } from '../protocol/codes.ts';

/*
 * The window on the requests in flight, and the rate of their answers. One mutable record without methods of its own,
 * because every request of a worker reads and writes it.
 */

/** Faster answers let the window grow. */
const FAST_MS = 150;
/** Slower answers shrink the window. Far below the 1.5 s after which a call has failed. */
const TARGET_MS = 400;
/** The longest wait for a permit. */
export const MAX_WAIT_MS = 500;

/** The slowest machine tried answered 128 at once from each of two cold workers in time, but not 512. */
const FIRST_WINDOW = 64;
/** A worker that asks little gets no larger window: its answers say nothing about a store under load. */
const QUIET_WINDOW = 512;
const MIN_WINDOW = 32;
const MAX_WINDOW = 4_096;
/** The growth for each fast answer. The window doubles in the time of one answer at first; after an overload it grows 1.25-fold. */
const FIRST_GROWTH = 1;
const GROWTH = 0.25;
const SHRINK_AT_MOST = 0.5;

/** The assumed rate before one is measured. */
const FIRST_RATE_PER_MS = 2;
/** The shortest limit of a queue, however many callers there are. */
export const MIN_QUEUE = 4;
const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 5_000;

export interface AdmissionWindow {
  inFlight: number;
  waiting: number;
  size: number;
  growth: number;
  shrunkAt: number;
  /** Answers per ms while requests waited. */
  ratePerMs: number;
  /** Answers since the last measurement. */
  answered: number;
  /** Requests have waited since then; undefined while none waits. */
  busySince: number | undefined;
  /** The event loop is late. */
  late: boolean;
}

export function createAdmissionWindow(): AdmissionWindow {
  return {
    inFlight: 0,
    waiting: 0,
    size: FIRST_WINDOW,
    growth: FIRST_GROWTH,
    shrunkAt: Number.NEGATIVE_INFINITY,
    ratePerMs: FIRST_RATE_PER_MS,
    answered: 0,
    busySince: undefined,
    late: false,
  };
}

export function isFull(window: AdmissionWindow): boolean {
  return window.inFlight >= window.size;
}

/** Counts an answer, and resizes the window by the time it took. */
export function recordAnswer(window: AdmissionWindow, tookMs: number, now: number): void {
  window.inFlight -= 1;
  window.answered += 1;
  if (tookMs > TARGET_MS) shrink(window, tookMs, now);
  else if (
    tookMs < FAST_MS &&
    (window.waiting > 0 || window.size < QUIET_WINDOW || window.inFlight + 1 >= window.size)
  ) {
    window.size = Math.min(MAX_WINDOW, window.size + window.growth);
  }
}

/** Shrinks once for all requests that were in flight together. */
function shrink(window: AdmissionWindow, tookMs: number, now: number): void {
  if (now - window.shrunkAt < tookMs) return;
  window.shrunkAt = now;
  window.growth = GROWTH;
  window.size = Math.max(MIN_WINDOW, window.size * Math.max(SHRINK_AT_MOST, TARGET_MS / tookMs));
}

/** Measures the rate of answers. It shows the store's capacity only if requests waited all the time. */
export function measureRate(window: AdmissionWindow, now: number): void {
  const { busySince, answered, ratePerMs } = window;
  if (busySince !== undefined && now > busySince) {
    window.ratePerMs = Math.max(0.01, ratePerMs * 0.7 + (answered / (now - busySince)) * 0.3);
  }
  window.answered = 0;
  window.busySince = window.waiting > 0 ? now : undefined;
}

/** The longest queue of a caller: an equal share of the requests that can be answered within the longest wait. */
export function queueLimit(window: AdmissionWindow, callers: number): number {
  if (window.late) return isFull(window) ? 0 : MIN_QUEUE;
  return Math.max(MIN_QUEUE, (window.ratePerMs * MAX_WAIT_MS + window.size) / callers);
}

/** `random` spreads the retries of callers that were refused at the same time. */
export function refuseOverload({ waiting, ratePerMs }: AdmissionWindow, random: number): Refusal {
  const expectedMs = MAX_WAIT_MS + waiting / ratePerMs;
  const afterMs = Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, expectedMs * (0.5 + random)));
  return refuse(
    'rate_limited',
    'the server is asked for more than it can answer in time',
    Math.ceil(afterMs),
  );
}
