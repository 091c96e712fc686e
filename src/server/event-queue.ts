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
  return new ConnectionQueue();
}

/** What is under way. */
interface Work {
  /** Settles when the last task that others wait for is done. */
  barrier: Promise<unknown>;
  /** Settles when every task so far is done. */
  all: Promise<unknown>;
  waiting: number;
  waitingChars: number;
}

/** One for each connection: while it is idle it holds nothing. */
class ConnectionQueue implements EventQueue {
  private work: Work | undefined = undefined;

  run<T>(mode: 'inTurn' | 'pipelined', chars: number, task: () => Promise<T>): Promise<T | Refusal> {
    const none = Promise.resolve();
    this.work ??= { barrier: none, all: none, waiting: 0, waitingChars: 0 };
    const { work } = this;
    if (work.waiting >= MAX_WAITING || work.waitingChars + chars > MAX_WAITING_CHARS) {
      return Promise.resolve(refuse('rate_limited', 'too many events are waiting to be answered', RETRY_MS));
    }
    work.waiting += 1;
    work.waitingChars += chars;
    const done = (mode === 'inTurn' ? work.all : work.barrier).then(task).finally(() => {
      work.waiting -= 1;
      work.waitingChars -= chars;
      if (work.waiting === 0) this.work = undefined;
    });
    const settled = done.catch(() => undefined);
    if (mode === 'inTurn') {
      work.barrier = settled;
      work.all = settled;
    } else {
      const before = work.all;
      work.all = settled.then(() => before);
    }
    return done;
  }
}
