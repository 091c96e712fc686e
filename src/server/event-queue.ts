import { type Refusal, refuse } from '../protocol/codes.ts';

/** More than this waiting of one connection is not kept: its sender does not look at the answers. */
const MAX_WAITING = 10_000;
const RETRY_MS = 1_000;

/**
 * Makes the events of one connection take effect in the order sent. `inTurn` tasks wait for everything before
 * them. `pipelined` tasks start in order but do not wait for one another: the store keeps the order of
 * what is asked of it, so a burst of says costs one round trip instead of one each.
 */
export interface EventQueue {
  run<T>(mode: Mode, task: () => Promise<T>): Promise<T | Refusal>;
}

export function createEventQueue(): EventQueue {
  return new ConnectionQueue();
}

type Mode = 'inTurn' | 'pipelined';

/** What is under way. */
interface Work {
  /** Begun and not done. */
  running: number;
  /** The one that runs has the connection for itself. */
  alone: boolean;
  /** Not begun, in the order sent. */
  readonly waiting: { readonly mode: Mode; readonly begin: () => void }[];
  /** Not done. */
  events: number;
}

/** One for each connection: while it is idle it holds nothing. A say that nothing stands before begins at once. */
class ConnectionQueue implements EventQueue {
  private work: Work | undefined = undefined;

  run<T>(mode: Mode, task: () => Promise<T>): Promise<T | Refusal> {
    this.work ??= { running: 0, alone: false, waiting: [], events: 0 };
    const { work } = this;
    if (work.events >= MAX_WAITING) {
      return Promise.resolve(refuse('rate_limited', 'too many events are waiting to be answered', RETRY_MS));
    }
    work.events += 1;
    if (work.waiting.length === 0 && mayBegin(work, mode)) return this.begin(work, mode, task);
    return new Promise((resolve) => {
      work.waiting.push({ mode, begin: () => resolve(this.begin(work, mode, task)) });
    });
  }

  private async begin<T>(work: Work, mode: Mode, task: () => Promise<T>): Promise<T> {
    work.running += 1;
    work.alone = mode === 'inTurn';
    try {
      return await task();
    } finally {
      work.running -= 1;
      work.alone = false;
      work.events -= 1;
      if (work.events === 0) this.work = undefined;
      else beginNext(work);
    }
  }
}

function mayBegin({ running, alone }: Work, mode: Mode): boolean {
  return mode === 'inTurn' ? running === 0 : !alone;
}

function beginNext(work: Work): void {
  for (let next = work.waiting[0]; next && mayBegin(work, next.mode); next = work.waiting[0]) {
    work.waiting.shift();
    next.begin();
  }
}

/** In the connection's turn, or at once where too much waits: who fills the queue does not get around it. */
export async function insist(queue: EventQueue, task: () => Promise<void>): Promise<void> {
  const refused = await queue.run('inTurn', async () => {
    await task();
    return undefined;
  });
  if (refused) await task();
}
