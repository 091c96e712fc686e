import { type Outcome, type Refusal, refuse, succeed } from '../protocol/codes.ts';

/** A connection with more waiting events loses the further ones: its sender does not look at the answers. */
const MAX_WAITING = 10_000;
const RETRY_MS = 1_000;

type Mode = 'inTurn' | 'pipelined';

/**
 * Makes the events of one connection take effect in the order sent. An `inTurn` event waits for everything before it.
 * `pipelined` events start in order but do not wait for one another: the store keeps the order of what it is asked,
 * so a burst of says costs one round trip instead of one each.
 */
export interface EventQueue {
  /**
   * Grants the event its turn, in the order of the calls: at once when the event need not wait, by a promise when it
   * must. Refuses at once when too many events wait.
   */
  take(mode: Mode): Outcome<EventTurn> | Promise<Outcome<EventTurn>>;
  /** Runs the task in its turn. */
  run<T>(mode: Mode, task: () => Promise<T>): Promise<T | Refusal>;
}

export interface EventTurn {
  /** The event is done, which lets the next ones begin. Must be called once. */
  release(): void;
}

export function createEventQueue(): EventQueue {
  return new ConnectionQueue();
}

/** The queue of one connection. It holds nothing while the connection is idle. */
class ConnectionQueue implements EventQueue {
  private work: Work | undefined = undefined;

  take(mode: Mode): Outcome<EventTurn> | Promise<Outcome<EventTurn>> {
    this.work ??= new Work(() => {
      this.work = undefined;
    });
    return this.work.take(mode);
  }

  async run<T>(mode: Mode, task: () => Promise<T>): Promise<T | Refusal> {
    const turn = await this.take(mode);
    if (!turn.ok) return turn;
    try {
      return await task();
    } finally {
      turn.value.release();
    }
  }
}

/** The events that are not done, until there are none. */
class Work implements EventTurn {
  private readonly onIdle: () => void;
  private readonly granted = succeed<EventTurn>(this);
  /** Begun and not done. */
  private running = 0;
  /** The one that runs has the connection for itself. */
  private alone = false;
  private readonly waiting: { readonly mode: Mode; readonly begin: (turn: Outcome<EventTurn>) => void }[] =
    [];

  constructor(onIdle: () => void) {
    this.onIdle = onIdle;
  }

  take(mode: Mode): Outcome<EventTurn> | Promise<Outcome<EventTurn>> {
    if (this.running + this.waiting.length >= MAX_WAITING) {
      return refuse('rate_limited', 'too many events are waiting to be answered', RETRY_MS);
    }
    if (this.waiting.length === 0 && this.mayBegin(mode)) return this.begin(mode);
    return new Promise((begin) => {
      this.waiting.push({ mode, begin });
    });
  }

  release(): void {
    this.running -= 1;
    this.alone = false;
    for (let next = this.waiting[0]; next && this.mayBegin(next.mode); next = this.waiting[0]) {
      this.waiting.shift();
      next.begin(this.begin(next.mode));
    }
    if (this.running === 0) this.onIdle();
  }

  private mayBegin(mode: Mode): boolean {
    return mode === 'inTurn' ? this.running === 0 : !this.alone;
  }

  private begin(mode: Mode): Outcome<EventTurn> {
    this.running += 1;
    this.alone = mode === 'inTurn';
    return this.granted;
  }
}

/** Runs the task in the connection's turn, or at once where too many events wait: filling the queue evades nothing. */
export async function runDespiteLimit(queue: EventQueue, task: () => Promise<void>): Promise<void> {
  const turn = await queue.take('inTurn');
  try {
    await task();
  } finally {
    if (turn.ok) turn.value.release();
  }
}
