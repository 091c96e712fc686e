import { ErrorReply } from '@redis/client';
import type { Logger } from 'pino';
import type { Outcome, Refusal } from '../../../protocol/codes.ts';
import { refuse } from '../../../protocol/codes.ts';

/** About the time until a restarted Redis is connected again. */
export const RETRY_AFTER_MS = 1_000;

/** Replies by which Redis says that it cannot run the command now, by their first word. /readyz shows both. */
const TEMPORARY_REPLIES = new Map([
  ['OOM', 'the store is full'],
  ['MISCONF', 'the store cannot write to its disk'],
  ['LOADING', 'the store is starting'],
  ['READONLY', 'the store is changing its master'],
  // Redis ends a WAIT so when it is demoted.
  ['UNBLOCKED', 'the store is changing its master'],
  ['NOREPLICAS', 'the store has too few replicas'],
  ['MASTERDOWN', 'the store has lost its master'],
  ['BUSY', 'the store is busy'],
  ['CLUSTERDOWN', 'the store is down'],
]);

/** The others are what Redis 7.0 and 7.2 reply when the denied command stands in a script. */
const DENIED_REPLY = /^NOPERM|The user executing the script can't |ACL failure in script/;

/** A node of a Redis Cluster that does not have the keys now: another one has, or Redis is just moving them. */
export type Redirect =
  | { readonly kind: 'moved' | 'ask'; readonly host: string; readonly port: number }
  | { readonly kind: 'wait' };

interface Redirection extends Refusal {
  readonly redirect: Redirect;
}

/** Returns whether the call was not run, and is to be made again elsewhere or later. */
export function redirectOf(outcome: Outcome<unknown>): Redirect | undefined {
  return !outcome.ok && 'redirect' in outcome ? (outcome as Redirection).redirect : undefined;
}

/** `MOVED 3999 127.0.0.1:6381`, `ASK …` or `TRYAGAIN …`. The host is empty if it is that of the server asked. */
function redirectFrom(reply: string): Redirect | undefined {
  if (reply.startsWith('TRYAGAIN')) return { kind: 'wait' };
  const [, kind, host = '', port] = /^(MOVED|ASK) \d+ (\S*):(\d+)/.exec(reply) ?? [];
  if (kind === undefined) return undefined;
  return { kind: kind === 'ASK' ? 'ask' : 'moved', host: host === '?' ? '' : host, port: Number(port) };
}

export function away(message = 'the store is away'): Refusal {
  return refuse('unavailable', message, RETRY_AFTER_MS);
}

/** Another server is the master now, or the same one after it was demoted. */
export const CHANGING_MASTER: Refusal = away('the store is changing its master');

/** The command may have run or may still run: a frozen Redis runs the commands it was sent once it goes on. */
export const UNANSWERED: Refusal = away('the store did not answer in time');

/** The user in REDIS_URL lacks a right; an operator can grant it at any time. */
export const DENIED: Refusal = withReply('NOPERM', 'the store denies a permission');

export function isDenied(error: unknown): boolean {
  return error instanceof Error && DENIED_REPLY.test(error.message);
}

/** A replica replies so, and so does a master that was demoted. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof ErrorReply && error.message.startsWith('READONLY');
}

/** Why the connection cannot be used. The reply that Redis gave while it was opened names a cause, a lost connection none. */
export function refusalToOpen(problem: unknown): Refusal {
  if (isDenied(problem)) return DENIED;
  const reply = problem instanceof Error ? problem.message : '';
  const temporary = TEMPORARY_REPLIES.get(wordOf(reply));
  return temporary === undefined ? away() : withReply(reply, temporary);
}

function wordOf(reply: string): string {
  return reply.split(' ', 1)[0] ?? '';
}

interface NamedRefusal extends Refusal {
  readonly reply: string;
}

function withReply(reply: string, meaning: string): NamedRefusal {
  const word = wordOf(reply);
  return { ...away(`${meaning} (${word})`), reply: word };
}

/** The first word of the reply by which Redis said that it cannot run the command now. */
export function replyIn(outcome: Outcome<unknown>): string | undefined {
  return !outcome.ok && 'reply' in outcome ? (outcome as NamedRefusal).reply : undefined;
}

/**
 * Maps a rejected command to a refusal. An error that is no reply of Redis is about the connection, and the command may
 * have run or not. A reply that is neither temporary nor about rights is a bug of ours.
 */
export function refusalOf(error: unknown, log: Logger): Refusal {
  if (!(error instanceof ErrorReply)) return away();
  const reply = error.message.slice(0, 160);
  if (isDenied(error)) {
    log.error({ code: 'NOPERM', reply }, 'redis: the user in REDIS_URL lacks a right');
    return DENIED;
  }
  const redirect = redirectFrom(reply);
  if (redirect) return { ...away('the store is moving data'), redirect } as Redirection;
  const temporary = TEMPORARY_REPLIES.get(wordOf(reply));
  if (temporary !== undefined) return withReply(reply, temporary);
  log.error({ reply }, 'redis: a command failed');
  return refuse('internal', 'the store failed');
}
