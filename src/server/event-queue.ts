import { type Refusal, refuse } from '../protocol/codes.ts';

/** More than this waiting of one connection is not kept: its sender does not look at the answers. */
const MAX_WAITING = 10_000;
const MAX_WAITING_CHARS = 8 * 1024 * 1024;
const RETRY_MS = 1_000;

/**
 * Makes the events of one connection take effect in the order sent. `inTurn` tasks wait for everything before
 * them. `pipelined` tasks start in order but do not wait for one another: the store keeps the order of
 * what is asked of it, so a burst of says costs one round trip instead of one each.
 */
export interface EventQueue {
  run<T>(mode: 'inTurn' | 'pipelined', chars: number, task: () => Promise<T>): Promise<T | Refusal>;
}

export function createEventQueue(): EventQueue {
  /** Settles when the last task that others wait for is done. */
  let barrier: Promise<unknown> = Promise.resolve();
  /** Settles when every task so far is done. */
  let all: Promise<unknown> = barrier;
  let waiting = 0;
  let waitingChars = 0;

  return {
    run(mode, chars, task) {
      if (waiting >= MAX_WAITING || waitingChars + chars > MAX_WAITING_CHARS) {
        return Promise.resolve(
          refuse('rate_limited', 'too many events are waiting to be answered', RETRY_MS),
        );
      }
      waiting += 1;
      waitingChars += chars;
      const done = (mode === 'inTurn' ? all : barrier).then(task).finally(() => {
        waiting -= 1;
        waitingChars -= chars;
      });
      const settled = done.catch(() => undefined);
      if (mode === 'inTurn') {
        barrier = settled;
        all = settled;
      } else {
        const before = all;
        all = settled.then(() => before);
      }
      return done;
    },
  };
}
