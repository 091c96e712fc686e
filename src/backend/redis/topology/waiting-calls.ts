import type { Outcome } from '../../../protocol/codes.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';

export type Call<T> = (connection: RedisConnection, asking: boolean) => Promise<Outcome<T>>;

/** A call that waits until its slot has moved. */
export interface WaitingCall {
  readonly run: Call<unknown>;
  readonly settle: (outcome: Outcome<unknown>) => void;
  readonly dueMs: number;
  /** It was made while the slot was stuck. */
  readonly once: boolean;
  outcome: Outcome<unknown> | undefined;
  /** The connection that `outcome` is from. */
  source: RedisConnection | undefined;
}

/** The calls of all slots that wait. */
export interface WaitingCalls {
  full(): boolean;
  add<T>(
    run: Call<T>,
    resolve: (outcome: Outcome<T>) => void,
    state: Partial<Pick<WaitingCall, 'once' | 'outcome' | 'source'>>,
  ): WaitingCall;
}

/** A quiet worker admits 512 requests at once. */
const MOST_WAITING = 128;

export function createWaitingCalls(deadlineMs: number, now: () => number): WaitingCalls {
  let count = 0;

  return {
    full: () => count >= MOST_WAITING,
    add<T>(
      run: Call<T>,
      resolve: (outcome: Outcome<T>) => void,
      { once = false, outcome, source }: Partial<Pick<WaitingCall, 'once' | 'outcome' | 'source'>>,
    ) {
      count += 1;
      const settle = (last: Outcome<unknown>) => {
        count -= 1;
        resolve(last as Outcome<T>);
      };
      return { run, settle, dueMs: now() + deadlineMs, once, outcome, source };
    },
  };
}
