import { type Refusal, refuse } from '../protocol/codes.ts';

const RETRY_MS = 10_000;

/** The answer of a nearly full store to people who begin a room or write to somebody who was never there. */
export function refuseNewLogs(): Refusal {
  return refuse(
    'unavailable',
    'the store is nearly full: it takes no message for a room without one, nor for a user who was never there',
    RETRY_MS,
  );
}
