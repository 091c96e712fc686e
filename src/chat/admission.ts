import { type Outcome, type Refusal, succeed } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import {
  createAdmissionWindow,
  isFull,
  MAX_WAIT_MS,
  MIN_QUEUE,
  measureRate,
  queueLimit,
  recordAnswer,
  refuseOverload,
} from './admission-window.ts';

/*
 * Admission control before the store, with a window on the requests in flight. By Little's law (in flight = rate × time)
 * a bounded window bounds the response time. The right size changes with the store, its other users and this process, so
 * the window adapts to the measured times:
 *
 *   acquire ──► waits in its caller's queue ──► in flight ──► answered
 *     │ queue too long     │ waited too long
 *     ▼                    ▼
 *   rate_limited: nothing was begun, nothing was written
 *
 * The queues are served round-robin, so a flooding caller only delays itself. A caller's tasks begin in the order of its
 * calls.
 */

const TICK_MS = 50;
/** A worker whose event loop is this late answers nothing in time: it refuses requests that cannot begin at once. */
const LATE_MS = 250;

/** The right to ask the store for one thing. Must be released, begun or not; a second release does nothing. */
export interface Permit {
  /**
   * Waits for the caller's turn, in the order of its calls; returns no promise if there is nothing to wait for. The caller
   * must not begin after a refusal.
   */
  begin(): Refusal | undefined | Promise<Refusal | undefined>;
  release(): void;
}

export interface Admission {
  /** `caller` is mostly a connection. Refuses at once if the answer would come too late; a `patient` caller waits. */
  acquire(caller: object, patient?: 'patient'): Outcome<Permit>;
  /** Runs the task under a permit. */
  run<T>(caller: object, task: () => Promise<T>, patient?: 'patient'): Promise<T | Refusal>;
  /** The state that the metrics show. */
  state(): { readonly inFlight: number; readonly waiting: number; readonly window: number };
  close(): void;
}

export interface AdmissionDeps {
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly random: () => number;
}

interface Waiting {
  /** Undefined for a patient caller. */
  readonly arrivedAt: number | undefined;
  begin(): void;
  refuse(refusal: Refusal): void;
}

interface CallerQueue {
  /** Permits that are not released, also those that have not begun to wait. */
  permits: number;
  /** The wait of the task that began last. */
  waitedMs: number;
  readonly waiting: Waiting[];
}

export function createAdmission({ now, random }: AdmissionDeps): Admission & Sized {
  const window = createAdmissionWindow();
  const queues = new Map<object, CallerQueue>();
  /** The queues with a waiting task, in the order of their turns. */
  const turns = new Set<CallerQueue>();
  let tickAt = 0;
  let ticking: NodeJS.Timeout | undefined;

  function queueOf(caller: object): CallerQueue {
    const queue = queues.get(caller) ?? { permits: 0, waitedMs: 0, waiting: [] };
    queues.set(caller, queue);
    return queue;
  }

  function isOverdue({ arrivedAt }: Waiting): boolean {
    return arrivedAt !== undefined && now() - arrivedAt > MAX_WAIT_MS;
  }

  function beginNext(): void {
    for (const queue of turns) {
      if (isFull(window)) return;
      turns.delete(queue);
      const first = queue.waiting.shift();
      if (!first) continue;
      // The queue goes to the end, because it is the others' turn.
      if (queue.waiting.length > 0) turns.add(queue);
      window.waiting -= 1;
      if (isOverdue(first)) first.refuse(refuseOverload(window, random()));
      else first.begin();
    }
  }

  function tick(): void {
    const at = now();
    window.late = at - tickAt > TICK_MS + LATE_MS;
    tickAt = at;
    measureRate(window, at);
    for (const queue of turns) {
      while (queue.waiting[0] && isOverdue(queue.waiting[0])) {
        window.waiting -= 1;
        queue.waiting.shift()?.refuse(refuseOverload(window, random()));
      }
      if (queue.waiting.length === 0) turns.delete(queue);
    }
    if (window.inFlight > 0 || window.waiting > 0) return;
    clearInterval(ticking);
    ticking = undefined;
    window.late = false;
  }

  function watch(): void {
    if (ticking) return;
    tickAt = now();
    ticking = setInterval(tick, TICK_MS);
  }

  /** A caller that sends without reading the answers is over the limit too: its queue does not move fast enough. */
  function isOverLimit({ permits, waitedMs }: CallerQueue): boolean {
    return permits >= MIN_QUEUE && (permits >= queueLimit(window, queues.size) || waitedMs > MAX_WAIT_MS);
  }

  function acquire(caller: object, patient?: 'patient'): Outcome<Permit> {
    const queue = queueOf(caller);
    if (patient === undefined && isOverLimit(queue)) return refuseOverload(window, random());
    queue.permits += 1;
    const arrivedAt = now();
    let startedAt: number | undefined;
    let isReleased = false;

    function start(): undefined {
      startedAt = now();
      queue.waitedMs = startedAt - arrivedAt;
      window.inFlight += 1;
      watch();
    }

    return succeed({
      begin() {
        if (turns.size === 0 && !isFull(window)) return start();
        window.waiting += 1;
        turns.add(queue);
        watch();
        return new Promise((resolve) => {
          queue.waiting.push({
            arrivedAt: patient ? undefined : arrivedAt,
            begin: () => resolve(start()),
            refuse: resolve,
          });
        });
      },
      release() {
        if (isReleased) return;
        isReleased = true;
        if (startedAt !== undefined) {
          const at = now();
          recordAnswer(window, at - startedAt, at);
          beginNext();
        }
        queue.permits -= 1;
        if (queue.permits === 0) queues.delete(caller);
      },
    });
  }

  return {
    sizes: () => ({ callers: queues.size, turns: turns.size }),
    acquire,
    async run(caller, task, patient) {
      const permit = acquire(caller, patient);
      if (!permit.ok) return permit;
      try {
        return (await permit.value.begin()) ?? (await task());
      } finally {
        permit.value.release();
      }
    },
    state: () => ({ inFlight: window.inFlight, waiting: window.waiting, window: Math.floor(window.size) }),
    close() {
      clearInterval(ticking);
    },
  };
}
