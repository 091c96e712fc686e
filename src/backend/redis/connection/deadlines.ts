/**
 * One timer for all calls: each has the same time, so they end in the order they began. A timer of its own for each call, set
 * and taken back, took a tenth of what a message costs in a small room.
 */
export interface Deadlines {
  /** `expire` is called when the time is over, unless what is answered was called before. */
  begin(expire: () => void): () => void;
  close(): void;
}

export interface DeadlinesDeps {
  readonly afterMs: number;
  /** A clock that only rises, ms. */
  readonly now: () => number;
}

interface Open {
  readonly dueMs: number;
  expire: (() => void) | undefined;
  next: Open | undefined;
}

export function createDeadlines({ afterMs, now }: DeadlinesDeps): Deadlines {
  let first: Open | undefined;
  let last: Open | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** What was answered meanwhile does not wait for the timer: it would keep what it was called with. */
  function dropAnswered(): void {
    while (first && !first.expire) {
      const { next } = first;
      // Not from an old one to a new one: the collector would take the new ones for old.
      first.next = undefined;
      first = next;
    }
    if (!first) last = undefined;
  }

  function watch(): void {
    if (first) timer = setTimeout(look, Math.max(1, Math.ceil(first.dueMs - now())));
  }

  function look(): void {
    timer = undefined;
    const at = now();
    for (dropAnswered(); first && first.dueMs <= at; dropAnswered()) {
      const { expire } = first;
      first.expire = undefined;
      expire?.();
    }
    watch();
  }

  return {
    begin(expire) {
      const open: Open = { dueMs: now() + afterMs, expire, next: undefined };
      if (last) last.next = open;
      else first = open;
      last = open;
      if (!timer) watch();
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
