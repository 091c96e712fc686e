import type { HookQueue, HookSource } from '../../chat/hook-queue.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';

/*
 * The queue's server may come back empty, or without its newest writes, while the logs of other servers lost nothing. Each
 * process then lists again what it knows. What nobody knows yet is listed after that, because it is listed as if nothing had
 * to be sent that its log has.
 */

/** Soon after a loss, so that few of the processes that know what was lost end before. */
export const LOSS_CHECK_MS = 1_000;
/** The other processes have made their checks by then. */
const HOLD_MS = 3 * LOSS_CHECK_MS;
const LISTED_AT_ONCE = 100;

export interface LossCheck {
  /**
   * Lists the sources again if the queue may have lost something since the last call. Returns the subjects, none if nothing
   * was lost. After a refusal the next call begins anew.
   */
  relist(sources: Iterable<HookSource>): Promise<Outcome<readonly string[]>>;
  /** Refuses while a subject must not be listed that this process knows nothing of. */
  settled(): Promise<Outcome<void>>;
}

export interface LossCheckDeps {
  readonly queue: Pick<HookQueue, 'list' | 'term'>;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
}

export function createLossCheck({ queue, elapsedMs }: LossCheckDeps): LossCheck {
  let seen: string | undefined;
  let restored: string | undefined;
  let heldUntil = Number.NEGATIVE_INFINITY;

  async function readTerm(): Promise<Outcome<string>> {
    const term = await queue.term();
    if (!term.ok || term.value === seen) return term;
    if (seen !== undefined) heldUntil = elapsedMs() + HOLD_MS;
    seen = term.value;
    return term;
  }

  return {
    async relist(sources) {
      const term = await readTerm();
      if (!term.ok) return term;
      if (term.value === restored) return succeed([]);
      const lost = [...sources];
      for (let at = 0; at < lost.length; at += LISTED_AT_ONCE) {
        const some = lost.slice(at, at + LISTED_AT_ONCE);
        for (const listed of await Promise.all(
          some.map(({ subject, state }) => queue.list(subject, state)),
        )) {
          if (!listed.ok) return listed;
        }
      }
      restored = term.value;
      return succeed(lost.map(({ subject }) => subject));
    },
    async settled() {
      const term = await readTerm();
      if (!term.ok) return term;
      if (elapsedMs() >= heldUntil) return succeed(undefined);
      return refuse('unavailable', 'the queue of webhooks is being restored', LOSS_CHECK_MS);
    },
  };
}
