import type { Logger } from 'pino';
import { ErrorReply } from 'redis';
import type { Refusal } from '../../../protocol/codes.ts';
import { refuse } from '../../../protocol/codes.ts';

/** When a caller may try again: about the time a restarted Redis needs to be connected. */
export const RETRY_AFTER_MS = 1_000;

/** Replies by which Redis says that it cannot now: full, disk error, starting, replica, busy. */
const TEMPORARY_REPLIES = new Map([
  ['OOM', 'the store is full'],
  ['MISCONF', 'the store cannot write to its disk'],
  ['LOADING', 'the store is starting'],
  ['READONLY', 'the store is changing its master'],
  ['NOREPLICAS', 'the store has too few replicas'],
  ['MASTERDOWN', 'the store has lost its master'],
  ['BUSY', 'the store is busy'],
  ['CLUSTERDOWN', 'the store is down'],
  ['TRYAGAIN', 'the store is moving data'],
]);

export function away(message = 'the store is away'): Refusal {
  return refuse('unavailable', message, RETRY_AFTER_MS);
}

/** Whether the command ran, or still will, nobody knows: a frozen Redis does what it was sent when it goes on. */
export const UNANSWERED: Refusal = away('the store did not answer in time');

/**
 * What a rejected command means to its caller. All that is not a reply of Redis is about the connection; then
 * the command may have run or not. A reply that is not temporary is a bug (or an ACL) of ours, and is logged.
 */
export function refusalOf(error: unknown, log: Logger): Refusal {
  if (!(error instanceof ErrorReply)) return away();
  const temporary = TEMPORARY_REPLIES.get(error.message.split(' ', 1)[0] ?? '');
  if (temporary !== undefined) return away(temporary);
  log.error({ reply: error.message.slice(0, 160) }, 'redis: a command failed');
  return refuse('internal', 'the store failed');
}
