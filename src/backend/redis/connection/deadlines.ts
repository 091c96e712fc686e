/**
 * One timer for all calls: all have the same time limit, so their deadlines pass in the order in which they began. A timer per
 * call, set and cleared, took a tenth of what a message costs in a small room.
 */
export interface Deadlines {
  /** Calls `expire` when the time is over, unless the caller has called the returned function, because the answer is there. */
  begin(expire: () => void): () => void;
  close(): void;
}

export interface DeadlinesDeps {
  readonly afterMs: number;
  /** A monotonic clock, ms. */
  readonly now: () => number;
}

interface PendingCall {
  readonly dueMs: number;
  expire: (() => void) | undefined;
  next: PendingCall | undefined;
}

export function createDeadlines({ afterMs, now }: DeadlinesDeps): Deadlines {
  let first: PendingCall | undefined;
  let last: PendingCall | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** Frees the calls answered meanwhile. If they waited for the timer, their closures would stay in memory. */
  function dropAnswered(): void {
    while (first && !first.expire) {
      const { next } = first;
      // A reference from an old object to a young one would make the garbage collector promote the young one.
      first.next = undefined;
      first = next;
    }
    if (!first) last = undefined;
  }

  function startTimer(): void {
    if (first) timer = setTimeout(expireDue, Math.max(1, Math.ceil(first.dueMs - now())));
  }

  function expireDue(): void {
    timer = undefined;
    const nowMs = now();
    for (dropAnswered(); first && first.dueMs <= nowMs; dropAnswered()) {
      const { expire } = first;
      first.expire = undefined;
      expire?.();
    }
    startTimer();
  }

  return {
    begin(expire) {
      const open: PendingCall = { dueMs: now() + afterMs, expire, next: undefined };
      if (last) last.next = open;
      else first = open;
      last = open;
      if (!timer) startTimer();
      return () => {
        open.expire = undefined;
        dropAnswered();
      };
    },
    close() {
      clearTimeout(timer);
      first = undefined;
      last = undefined;
    },
  };
}
