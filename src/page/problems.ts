import type { ClientError, Draft } from '../client/index.ts';

const UNKNOWN_FATE = 'It is not known whether this arrived. Sending it again may show it twice.';
/** All messages that the page shows were written under this nickname, in this tab. */
const NEW_IDENTITY =
  'Not sent: the server knows you under a new identity now. Retry sends it under that one.';
const TOO_MANY = 'Too many messages wait to be sent already.';

/** Says why a message is not sent by itself. */
export function describeProblem(problem: NonNullable<Draft['problem']>): string {
  if (problem.code === 'unknown') return UNKNOWN_FATE;
  if (problem.code === 'limit') return TOO_MANY;
  if (problem.code === 'wrong_user') return NEW_IDENTITY;
  if (problem.code === 'too_large') return 'This is too long to send.';
  return describeRefusal(problem);
}

/** Says why the server refused a request. */
export function describeRefusal({ code, message }: Pick<ClientError, 'code' | 'message'>): string {
  switch (code) {
    case 'rate_limited':
      return 'Too many messages at once. Wait a moment.';
    case 'unavailable':
      return 'The server cannot store messages right now.';
    case 'internal':
      return 'Something went wrong on the server.';
    default:
      // The reader is in one room only, and a field of the protocol means nothing to them.
      return sentence(message.replace(/^roomid: (?=banned)/, 'you are ').replace(/^roomid: /, ''));
  }
}

/** Reasons of servers are no whole sentences. */
export function sentence(reason: string): string {
  const [first = '', ...rest] = reason.trim();
  return `${first.toUpperCase()}${rest.join('').replace(/[.!]?$/, '.')}`;
}
