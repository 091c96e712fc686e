import { type Refusal, refusedBy } from './refusals.ts';
import type { Language } from './texts.ts';

/** The cause that ended something, or keeps it from happening, until the page says it in the reader's language. */
export interface Problem extends Omit<Refusal, 'code'> {
  readonly code: Refusal['code'] | ConnectionEnd;
}

/** `lost`: nobody said why. The others are those of a `bye`. */
export type ConnectionEnd = 'lost' | 'moved' | 'slow' | 'expired' | 'disconnected' | 'over_limit';

/** Says why a message is not sent by itself. */
export function describeDraftProblem({ problems, ...language }: Language, problem: Problem): string {
  if (problem.code === 'unknown') return problems.unknownFate;
  if (refusedBy(problem) === 'limit') return problems.tooMany;
  if (problem.code === 'wrong_user') return problems.newIdentity;
  if (problem.code === 'too_large') return problems.tooLong;
  return describeProblem({ problems, ...language }, problem, 0);
}

/** Says why the server refused a request, or why the page is not connected. `now` in ms since 1970. */
export function describeProblem({ problems, format }: Language, problem: Problem, now: number): string {
  const { message, until } = problem;
  switch (refusedBy(problem)) {
    case 'rate_limited':
      return problems.rateLimited;
    case 'unavailable':
      return problems.unavailable;
    case 'internal':
      return problems.internal;
    case 'kicked':
      return problems.kicked;
    case 'banned':
      return problems.banned(format.until(until, now));
    case 'excluded':
      return problems.excluded(format.until(until, now));
    case 'full':
      return problems.full;
    case 'too_many_rooms':
      return problems.tooManyRooms;
    case 'muted':
      return problems.muted;
    case 'reserved':
      return problems.reserved;
    case 'not_taken':
      return problems.notTaken;
    case 'too_many_blocks':
      return problems.tooManyBlocks;
    case 'lost':
      return problems.connectionLost;
    case 'moved':
      return problems.moved;
    case 'slow':
      return problems.tooSlow;
    case 'expired':
      return problems.expired;
    case 'disconnected':
      return problems.disconnected;
    case 'over_limit':
      return problems.overLimit;
    default:
      // The reader knows which room it is, and a field of the protocol means nothing to them.
      return sentence(message.replace(/^roomid: /, ''));
  }
}

/** Reasons of servers are no whole sentences. */
function sentence(reason: string): string {
  const [first = '', ...rest] = reason.trim();
  return `${first.toUpperCase()}${rest.join('').replace(/[.!]?$/, '.')}`;
}
