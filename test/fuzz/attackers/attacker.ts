import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** One client that takes from the server all that its limits allow. */
export interface Attacker {
  readonly name: string;
  /** Attacks the worker at this URL until it is over. Counts what it sends. */
  attack(url: string, over: AbortSignal, count: (sent: number) => void): Promise<void>;
}

/** The room that attackers are in; it is full of long messages. */
export const ATTACKED_ROOM = 'attacked';

/** RATE_EVENTS and RATE_BYTES, as they are by default. */
export const EVENTS = { burst: 1_000, perS: 100 };
export const BYTES = { burst: 4_000_000, perS: 1_300_000 };

const EVERY_MS = 50;

interface Pace {
  readonly burst: number;
  readonly perS: number;
}

/** Sends as much as a bucket of this rate lets through. */
export async function atPace(
  { burst, perS }: Pace,
  over: AbortSignal,
  send: (units: number) => Promise<void> | void,
): Promise<void> {
  let allowed = burst;
  let filledAt = performance.now();
  while (!over.aborted) {
    const units = Math.floor(allowed);
    allowed -= units;
    if (units > 0) await send(units);
    await pause(EVERY_MS);
    const at = performance.now();
    allowed = Math.min(burst, allowed + ((at - filledAt) / 1_000) * perS);
    filledAt = at;
  }
}

/** Writes it, and waits until the server has read so much that there is room for more. */
export async function write(socket: Socket, bytes: Buffer | string, over: AbortSignal): Promise<void> {
  if (socket.write(bytes) || socket.destroyed || over.aborted) return;
  const waiting = ['drain', 'close'].map((event) => once(socket, event, { signal: over }));
  await Promise.race(waiting).catch(() => undefined);
}
