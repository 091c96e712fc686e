import { type Outcome, refuse } from '../protocol/codes.ts';

/** The longest that a page of the admin port waits for a store or a worker: the page is there within a second. */
export const ADMIN_ANSWER_MS = 900;

/** Resolves with the answer, or with `unavailable` after that time. */
export function withinLimit<T>(answer: Promise<Outcome<T>>, limitMs = ADMIN_ANSWER_MS): Promise<Outcome<T>> {
  return new Promise((resolve, reject) => {
    const late = () => resolve(refuse('unavailable', `no answer within ${limitMs} ms`));
    const timer = setTimeout(late, limitMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
