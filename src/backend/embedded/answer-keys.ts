import { createHash } from 'node:crypto';
import type { Draft } from '../../chat/log-store.ts';

/** Period first, so that a whole period is removed as one range. */
export type AnswerKey = [period: number, tag: string, hash: string];

/**
 * Where an answer is written (the first) and looked for. Two periods together reach back at least one TTL; the
 * coming one is looked into as well, because a clock set back over a period's end would else forget everything.
 */
export function answerKeys(
  tag: string,
  { scope, clientMsgId }: NonNullable<Draft['dedupe']>,
  ttlS: number,
  now: number,
): AnswerKey[] {
  const hash = createHash('sha256')
    .update(JSON.stringify([scope, clientMsgId]))
    .digest('base64url')
    .slice(0, 22);
  return answerPeriods(ttlS, now).map((period) => [period, tag, hash]);
}

/** Those that are looked into, the one written to first. */
export function answerPeriods(ttlS: number, now: number): number[] {
  const period = answerPeriod(ttlS, now);
  return [period, period - 1, period + 1];
}

export function answerPeriod(ttlS: number, now: number): number {
  return Math.floor(now / (ttlS * 1000));
}
