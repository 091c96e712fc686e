import type { RecentAnswer } from '../message-trace.ts';

/** The most answers that a worker remembers: a flood of refusals must not fill its memory. */
export const ANSWERS_KEPT = 500;

/**
 * The newest answers of this worker that no store knows of: refusals, and repetitions of a known `clientMsgId`. They tell an
 * operator why a message was never stored.
 */
export interface RecentAnswers {
  note(answer: Omit<RecentAnswer, 'at'>): void;
  /** Oldest first. An absent room: whatever room they are of. */
  of(wanted: Pick<RecentAnswer, 'clientMsgId' | 'nsp' | 'roomid'>): readonly RecentAnswer[];
}

/** `now`: ms since 1970. */
export function createRecentAnswers(now: () => number): RecentAnswers {
  const ring: RecentAnswer[] = [];
  let next = 0;
  return {
    note(answer) {
      ring[next] = { at: now(), ...answer };
      next = (next + 1) % ANSWERS_KEPT;
    },
    of: ({ clientMsgId, nsp, roomid }) =>
      [...ring.slice(next), ...ring.slice(0, next)].filter(
        (answer) =>
          answer.clientMsgId === clientMsgId &&
          answer.nsp === nsp &&
          (roomid === undefined || answer.roomid === roomid),
      ),
  };
}
