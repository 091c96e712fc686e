import { type Outcome, type Refusal, refuse, succeed } from '../protocol/codes.ts';

/*
 * Admission control before the store, with a window on the requests in flight. By Little's law (in flight = rate × time)
 * a bounded window bounds the response time. The right size changes with the store, its other users and this process, so
 * the window adapts to the measured times:
 *
 *   asked ──► waits in its asker's line ──► on its way ──► answered
 *     │ line too long      │ waited too long
 *     ▼                    ▼
 *   rate_limited: nothing was begun, nothing was written
 *
 * The lines are served round-robin, so a flooding asker only delays itself. An asker's tasks begin in the order asked.
 */

/** A faster answer lets the window grow. */
const WELL_MS = 150;
/** An answer that took longer means that too much is. Far below the 1.5 s after which a call has failed. */
const TARGET_MS = 400;
/** The longest wait for a permit. */
const PATIENCE_MS = 500;

/** 128 at once from each of two cold workers were answered in time by the slowest machine tried, 512 were not. */
const FIRST_WINDOW = 64;
/** Reached without being asked so much: a store that stands still for a second does not fill it with a quiet worker's. */
const QUIET_WINDOW = 512;
const MIN_WINDOW = 32;
const MAX_WINDOW = 4_096;
/**
 * The growth of the window for each good answer. It doubles in the time of one answer at first; after the first
 * overload it grows 1.25-fold.
 */
const FIRST_GROWTH = 1;
const GROWTH = 0.25;
const SHRINK_AT_MOST = 0.5;

/** The assumed rate before one is measured. */
const FIRST_RATE_PER_MS = 2;
/** The shortest limit of a line, however many askers there are. */
const MIN_LINE = 4;
const TICK_MS = 50;
/** A worker whose event loop is this late answers nothing in time: it refuses what cannot begin at once. */
const LATE_MS = 250;
const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 5_000;

/** Leave to ask the store for one thing. Must be released once, begun or not. */
export interface Permit {
  /**
   * Waits for the asker's turn, in the order of its calls; returns no promise if there is nothing to wait for. The
   * caller must not begin after a refusal.
   */
  begin(): Refusal | undefined | Promise<Refusal | undefined>;
  release(): void;
}

export interface Admission {
  /** `who` asks, a connection mostly. Refuses at once what would not be answered in time; a `patient` asker waits. */
  acquire(who: object, patient?: 'patient'): Outcome<Permit>;
  /** Runs the task under a permit. */
  run<T>(who: object, task: () => Promise<T>, patient?: 'patient'): Promise<T | Refusal>;
  /** The state that the metrics show. */
  state(): { readonly underWay: number; readonly waiting: number; readonly window: number };
  close(): void;
}

export interface AdmissionDeps {
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Spreads the retries of askers that were refused at the same time. */
  readonly random: () => number;
}

interface Waiting {
  /** Undefined: patient. */
  readonly arrivedAt: number | undefined;
  begin(): void;
  refuse(refusal: Refusal): void;
}

interface Line {
  /** All that arrived and has not left, also what does not stand at the door yet. */
  here: number;
  /** The wait of the task that began last. */
  waitedMs: number;
  readonly waiting: Waiting[];
}

export function createAdmission({ now, random }: AdmissionDeps): Admission {
  /** Askers' lines, in the order of their turns. */
  const lines = new Map<object, Line>();
  /** The lines with a waiting task. */
  const standing = new Set<Line>();
  let underWay = 0;
  let waiting = 0;
  let window = FIRST_WINDOW;
  let growth = FIRST_GROWTH;
  let shrunkAt = Number.NEGATIVE_INFINITY;
  /** Answered per ms while somebody waited. */
  let ratePerMs = FIRST_RATE_PER_MS;
  let answered = 0;
  let busySince: number | undefined;
  let late = false;
  let tickAt = 0;
  let ticking: NodeJS.Timeout | undefined;

  function lineOf(who: object): Line {
    const line = lines.get(who) ?? { here: 0, waitedMs: 0, waiting: [] };
    lines.set(who, line);
    return line;
  }

  function isFull(): boolean {
    return underWay >= window;
  }

  function refusal(): Refusal {
    const expectedMs = PATIENCE_MS + waiting / ratePerMs;
    const afterMs = Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, expectedMs * (0.5 + random())));
    return refuse('rate_limited', 'more is asked than can be answered', Math.ceil(afterMs));
  }

  /** Each asker gets an equal share of what the store can answer within their patience. */
  function longestLine(): number {
    if (late) return isFull() ? 0 : MIN_LINE;
    return Math.max(MIN_LINE, (ratePerMs * PATIENCE_MS + window) / lines.size);
  }

  function done(startedAt: number): void {
    underWay -= 1;
    answered += 1;
    const tookMs = now() - startedAt;
    if (tookMs > TARGET_MS) shrink(tookMs);
    else if (tookMs < WELL_MS && (waiting > 0 || window < QUIET_WINDOW || underWay + 1 >= window)) {
      window = Math.min(MAX_WINDOW, window + growth);
    }
    next();
  }

  /** Shrinks the window once for all tasks that were in flight together. */
  function shrink(tookMs: number): void {
    const at = now();
    if (at - shrunkAt < tookMs) return;
    shrunkAt = at;
    growth = GROWTH;
    window = Math.max(MIN_WINDOW, window * Math.max(SHRINK_AT_MOST, TARGET_MS / tookMs));
  }

  function isTired({ arrivedAt }: Waiting): boolean {
    return arrivedAt !== undefined && now() - arrivedAt > PATIENCE_MS;
  }

  function next(): void {
    for (const line of standing) {
      if (isFull()) return;
      standing.delete(line);
      const first = line.waiting.shift();
      if (!first) continue;
      // The line goes to the end, because it is the others' turn.
      if (line.waiting.length > 0) standing.add(line);
      waiting -= 1;
      if (isTired(first)) first.refuse(refusal());
      else first.begin();
    }
  }

  function tick(): void {
    const at = now();
    late = at - tickAt > TICK_MS + LATE_MS;
    tickAt = at;
    measure(at);
    for (const line of standing) {
      while (line.waiting[0] && isTired(line.waiting[0])) {
        waiting -= 1;
        line.waiting.shift()?.refuse(refusal());
      }
      if (line.waiting.length === 0) standing.delete(line);
    }
    if (underWay > 0 || waiting > 0) return;
    clearInterval(ticking);
    ticking = undefined;
    late = false;
  }

  /** Measures the rate of answers. It shows the store's capacity only if something waited all the time. */
  function measure(at: number): void {
    if (busySince !== undefined && at > busySince) {
      ratePerMs = Math.max(0.01, ratePerMs * 0.7 + (answered / (at - busySince)) * 0.3);
    }
    answered = 0;
    busySince = waiting > 0 ? at : undefined;
  }

  function watch(): void {
    if (ticking) return;
    tickAt = now();
    ticking = setInterval(tick, TICK_MS);
  }

  /** Catches an asker that sends without reading the answers, too: its own line does not move fast enough. */
  function isTooMuch(line: Line): boolean {
    return line.here >= MIN_LINE && (line.here >= longestLine() || line.waitedMs > PATIENCE_MS);
  }

  function acquire(who: object, patient?: 'patient'): Outcome<Permit> {
    const line = lineOf(who);
    if (patient === undefined && isTooMuch(line)) return refusal();
    line.here += 1;
    const arrivedAt = now();
    let startedAt: number | undefined;

    function enter(): undefined {
      startedAt = now();
      line.waitedMs = startedAt - arrivedAt;
      underWay += 1;
      watch();
    }

    return succeed({
      begin() {
        if (standing.size === 0 && !isFull()) return enter();
        waiting += 1;
        standing.add(line);
        watch();
        return new Promise((resolve) => {
          line.waiting.push({
            arrivedAt: patient ? undefined : arrivedAt,
            begin: () => resolve(enter()),
            refuse: resolve,
          });
        });
      },
      release() {
        if (startedAt !== undefined) done(startedAt);
        line.here -= 1;
        if (line.here === 0) lines.delete(who);
      },
    });
  }

  return {
    acquire,
    async run(who, task, patient) {
      const permit = acquire(who, patient);
      if (!permit.ok) return permit;
      try {
        return (await permit.value.begin()) ?? (await task());
      } finally {
        permit.value.release();
      }
    },
    state: () => ({ underWay, waiting, window: Math.floor(window) }),
    close() {
      clearInterval(ticking);
    },
  };
}
