import type { Logger } from 'pino';
import type { HookEvent } from './log-events.ts';
import type { HookPost } from './post.ts';
import type { SenderLease } from './sender-lease.ts';

const TRY_MS = 1_000;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 60_000;

export interface HookDeliveryDeps {
  readonly post: HookPost;
  readonly lease: Pick<SenderLease, 'holds'>;
  /** Waits, or ends at once when the sender closes. */
  readonly rest: (ms: number) => Promise<unknown>;
  readonly isClosing: () => boolean;
  readonly elapsedMs: () => number;
  readonly random: () => number;
  readonly log: Logger;
}

export interface HookDelivery {
  /**
   * Returns whether the receiver has taken the events. After a failure it waits, and the caller reads the logs again, so that a
   * message that was deleted meanwhile is not sent as it was.
   */
  deliver(events: readonly HookEvent[]): Promise<boolean>;
  /** Another process sends now, so this one knows of no failure. */
  forgetFailure(): void;
  failed(): number;
  /** Since when the receiver has taken nothing, by `elapsedMs`; undefined while it takes what it is sent. */
  failingSince(): number | undefined;
}

export function createHookDelivery(deps: HookDeliveryDeps): HookDelivery {
  const { post, lease, rest, isClosing, elapsedMs, random, log } = deps;
  let backoffMs = FIRST_BACKOFF_MS;
  let failed = 0;
  let failingSince: number | undefined;

  async function keepLease(ms: number): Promise<void> {
    const until = elapsedMs() + ms;
    while (elapsedMs() < until && !isClosing() && (await lease.holds())) {
      await rest(Math.min(TRY_MS, until - elapsedMs()));
    }
  }

  return {
    async deliver(events) {
      if (!(await lease.holds())) return false;
      const result = await post(JSON.stringify({ events }));
      if (result.taken) {
        if (failingSince !== undefined) log.info('hooks: the receiver takes events again');
        failingSince = undefined;
        backoffMs = FIRST_BACKOFF_MS;
        return true;
      }
      failed += 1;
      if (failingSince === undefined) {
        failingSince = elapsedMs();
        log.warn({ reason: result.reason }, 'hooks: the receiver took no events; they are sent again');
      }
      await keepLease(Math.max(result.retryAfterMs ?? 0, backoffMs * (0.5 + random() / 2)));
      backoffMs = Math.min(MAX_BACKOFF_MS, backoffMs * 2);
      return false;
    },
    forgetFailure() {
      failingSince = undefined;
    },
    failed: () => failed,
    failingSince: () => failingSince,
  };
}
