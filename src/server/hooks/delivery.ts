import type { Logger } from 'pino';
import type { HookEvent } from './log-events.ts';
import type { HookPost, PostResult } from './post.ts';
import type { SenderLease } from './sender-lease.ts';

const TRY_MS = 1_000;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 60_000;
/** Answers of a receiver, or of what stands before it, that takes no request at all now. */
const BUSY = new Set([429, 502, 503, 504]);

/** `refused`, `unanswered`: the receiver answered, or did not in time, in a way that may be due to one of the events. */
export type Delivered = 'taken' | 'refused' | 'unanswered' | 'failed';

type Failure = Extract<PostResult, { readonly taken: false }>;

export interface HookDeliveryDeps {
  readonly post: HookPost;
  readonly lease: Pick<SenderLease, 'holds'>;
  /** Waits, or ends at once when the sender closes. */
  readonly rest: (ms: number) => Promise<unknown>;
  /** Ends the request that is under way, and every wait. */
  readonly closing: AbortSignal;
  readonly elapsedMs: () => number;
  readonly random: () => number;
  readonly log: Logger;
}

export interface HookDelivery {
  /**
   * Posts the events. After a failure it waits, unless `refused` or `unanswered` ones can be sent in smaller parts; the caller
   * reads the logs again, so that a message that was deleted meanwhile is not sent as it was.
   */
  deliver(events: readonly HookEvent[], isSmallest: boolean): Promise<Delivered>;
  /** Another process sends now, so this one knows of no failure. */
  forgetFailure(): void;
  failed(): number;
  /** Since when the receiver has taken nothing, by `elapsedMs`; undefined while it takes what it is sent. */
  failingSince(): number | undefined;
}

export function createHookDelivery(deps: HookDeliveryDeps): HookDelivery {
  const { post, lease, rest, closing, elapsedMs, random, log } = deps;
  let backoffMs = FIRST_BACKOFF_MS;
  let failed = 0;
  let failingSince: number | undefined;

  async function keepLease(ms: number): Promise<void> {
    const until = elapsedMs() + ms;
    while (elapsedMs() < until && !closing.aborted && (await lease.holds())) {
      await rest(Math.min(TRY_MS, until - elapsedMs()));
    }
  }

  return {
    async deliver(events, isSmallest) {
      if (!(await lease.holds())) return 'failed';
      const result = await post(JSON.stringify({ events }), closing);
      if (result.taken) {
        if (failingSince !== undefined) log.info('hooks: the receiver takes events again');
        failingSince = undefined;
        backoffMs = FIRST_BACKOFF_MS;
        return 'taken';
      }
      if (closing.aborted) return 'failed';
      failed += 1;
      if (failingSince === undefined) {
        failingSince = elapsedMs();
        log.warn({ reason: result.reason }, 'hooks: the receiver took no events; they are sent again');
      }
      const failure = failureOf(result);
      if (failure !== 'failed' && !isSmallest) return failure;
      await keepLease(Math.max(result.retryAfterMs ?? 0, backoffMs * (0.5 + random() / 2)));
      backoffMs = Math.min(MAX_BACKOFF_MS, backoffMs * 2);
      return failure;
    },
    forgetFailure() {
      failingSince = undefined;
    },
    failed: () => failed,
    failingSince: () => failingSince,
  };
}

function failureOf({ status, timedOut }: Failure): Exclude<Delivered, 'taken'> {
  if (timedOut) return 'unanswered';
  return status !== undefined && !BUSY.has(status) ? 'refused' : 'failed';
}
