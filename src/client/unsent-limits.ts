import { MAX_PACKET_BYTES } from '../protocol/limits.ts';
import { ClientError } from './client-error.ts';
import { type Content, checkAuthor, checkContent, type Draft } from './drafts.ts';

export interface UnsentLimitsDeps {
  readonly maxOutbox: number;
  readonly waiting: () => number;
  /** Undefined before the first connection. */
  readonly maxTextBytes: () => number | undefined;
  /** The current user's id, before the first connection the expected one. */
  readonly userId: () => string | undefined;
}

/** Rejects messages that the client does not even try to send. */
export interface UnsentLimits {
  waiting(): number;
  /** The error of one message too many. */
  crowded(): ClientError | undefined;
  check(draft: Draft): ClientError | undefined;
  checkContent(content: Content): ClientError | undefined;
}

export function createUnsentLimits({
  maxOutbox,
  waiting,
  maxTextBytes,
  userId,
}: UnsentLimitsDeps): UnsentLimits {
  const contentProblem = (content: Content) => checkContent(content, maxTextBytes() ?? MAX_PACKET_BYTES);
  return {
    waiting,
    crowded() {
      if (waiting() < maxOutbox) return undefined;
      return new ClientError('limit', `${maxOutbox} messages are waiting already`);
    },
    checkContent: contentProblem,
    check: (draft) => checkAuthor(draft, userId()) ?? contentProblem(draft),
  };
}
