import { type Outcome, succeed } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import type { Identity } from './identity.ts';

/*
 * The queue of clients that want to connect while RATE_ADMIT is used up. Time is cut into places, RATE_ADMIT of them a
 * second. A connect takes the next free place. If that one is not due yet, it stays the client's, and the client comes
 * back when it is due. So N clients get N times, and the cluster lets in as many a second as it has places.
 *
 * A client that can be known again has its place under its key: nobody else can take it, and coming too early tells it the
 * same time again, so that a client which ignores its time adds nothing to the queue. The others, guests that are new each
 * time, share their places: whichever of them comes takes the oldest due one. Those that ignore their times take a place each
 * time they come too early, so in the end more places than clients are left. Such a client comes every few seconds: once a
 * shared place has waited longer, all of them are in, and their other places are free again.
 */
export interface ConnectQueue {
  /**
   * Asks to be let in. Returns 0, or in how many ms the client has its place. `key` names the client, undefined if it will
   * not be known again.
   */
  enter(key: string | undefined): Promise<Outcome<number>>;
  /** Clients that the cluster itself has sent away come in without a place of their own. */
  expect(keys: readonly (string | undefined)[]): Promise<Outcome<void>>;
}

/** Returns the key of a connection whose client has this identity now; undefined if the client will not be known when it is back. */
export type QueueKey = (identity: Identity) => string | undefined;

/** The time that a place waits for its client. */
export const KEEP_PLACE_MS = 30_000;
/** Longer than a client of Socket.IO's defaults waits between two attempts, which is 7.5 s at most. */
export const KEEP_SHARED_PLACE_MS = 10_000;
/** Unknown clients that ignore their times reserve again and again, but never beyond this. */
export const LONGEST_SHARED_MS = 120_000;
/** Clients of known users reserve a place for each connection: this bounds the queue. */
export const LONGEST_MS = 600_000;
/** What the key of a client begins with that only says who it is. */
export const UNPROVED = '?';

/** The longest wait that may be reserved. Made-up clients cost nothing, so they must not keep users out for long. */
export function longestWaitMs(key: string | undefined): number {
  return key === undefined || key.startsWith(UNPROVED) ? LONGEST_SHARED_MS : LONGEST_MS;
}

/** The part of a second whose places may be taken at once after a calm. */
const BURST_S = 0.25;

export interface QueueRate {
  readonly intervalMs: number;
  /** The longest time that the next free place may lie behind the clock. */
  readonly burstMs: number;
}

export function queueRateOf(perS: number): QueueRate {
  const intervalMs = 1_000 / perS;
  return { intervalMs, burstMs: Math.max(0, BURST_S * 1_000 - intervalMs) };
}

/** Lets everybody in: RATE_ADMIT is 0. */
export function createOpenQueue(): ConnectQueue & Sized {
  return { sizes: () => ({}), enter: async () => succeed(0), expect: async () => succeed(undefined) };
}

/** The queue in memory. @param now monotonic ms */
export function createConnectQueue(perS: number, now: () => number): ConnectQueue & Sized {
  const { intervalMs, burstMs } = queueRateOf(perS);
  const places = new Map<string, number>();
  /** Rises. */
  let shared: number[] = [];
  /** No known client's place is later. */
  let lastKnown = Number.NEGATIVE_INFINITY;
  let next = Number.NEGATIVE_INFINITY;
  let cleanedAt = now();

  function clean(at: number): void {
    if (shared[0] !== undefined && shared[0] < at - KEEP_SHARED_PLACE_MS) {
      shared = [];
      next = lastKnown + intervalMs;
    }
    if (at - cleanedAt < KEEP_PLACE_MS) return;
    cleanedAt = at;
    for (const [key, place] of places) if (place < at - KEEP_PLACE_MS) places.delete(key);
  }

  function enter(key: string | undefined): number {
    const at = now();
    clean(at);
    const own = key === undefined ? undefined : places.get(key);
    if (key !== undefined && own !== undefined) {
      if (own > at) return Math.ceil(own - at);
      places.delete(key);
      if (own >= at - KEEP_PLACE_MS) return 0;
    }
    if (key === undefined && shared[0] !== undefined && shared[0] <= at) {
      shared.shift();
      return 0;
    }
    next = Math.max(next, at - burstMs);
    const longest = longestWaitMs(key);
    if (next - at > longest) return longest;
    const place = next;
    next += intervalMs;
    if (place <= at) return 0;
    if (key === undefined) shared.push(place);
    else {
      places.set(key, place);
      lastKnown = place;
    }
    return Math.ceil(place - at);
  }

  return {
    sizes: () => ({ places: places.size, shared: shared.length }),
    enter: async (key) => succeed(enter(key)),
    async expect(keys) {
      const at = now();
      const unknown = keys.filter((key) => key === undefined).length;
      for (const key of keys) if (key !== undefined) places.set(key, at);
      shared = [
        ...shared.filter((place) => place <= at),
        ...Array<number>(unknown).fill(at),
        ...shared.filter((place) => place > at),
      ];
      return succeed(undefined);
    },
  };
}
