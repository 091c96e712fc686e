import { type DrainOrder, isStricter, type Refuge } from './control.ts';

export interface DrainOrdersDeps {
  readonly now: () => number;
  readonly send: (order: Required<DrainOrder>) => void;
  /** The worker has not exited by the deadline and the grace after it. */
  readonly onOverdue: () => void;
}

/** What a draining worker was ordered, and the limit that the order sets. */
export interface DrainOrders {
  begin(order: DrainOrder): void;
  /** Sends what is stricter in it than before: a sooner end, or fewer places to go to. */
  tighten(order: DrainOrder): void;
  /** The worker has exited. */
  end(): void;
}

/** The time that a worker has to exit by itself after the drain's deadline. */
const EXIT_GRACE_MS = 2_000;

export function createDrainOrders({ now, send, onOverdue }: DrainOrdersDeps): DrainOrders {
  let endsAt = 0;
  let orderedRefuge: Refuge = 'here';
  let overdue: NodeJS.Timeout | undefined;

  function begin({ deadlineMs, refuge = 'here' }: DrainOrder): void {
    endsAt = now() + deadlineMs;
    orderedRefuge = refuge;
    clearTimeout(overdue);
    overdue = setTimeout(onOverdue, deadlineMs + EXIT_GRACE_MS);
    send({ deadlineMs, refuge });
  }

  return {
    begin,
    tighten({ deadlineMs, refuge = 'here' }) {
      const leftMs = Math.max(0, endsAt - now());
      if (deadlineMs >= leftMs && !isStricter(refuge, orderedRefuge)) return;
      begin({
        deadlineMs: Math.min(deadlineMs, leftMs),
        refuge: isStricter(refuge, orderedRefuge) ? refuge : orderedRefuge,
      });
    },
    end() {
      clearTimeout(overdue);
    },
  };
}
