import { MAX_WAIT_MS } from './backoff.ts';
import { ClientError } from './client-error.ts';

/** Limits how long the caller waits. A message or change that was sent already is not undone; see each method. */
export interface CallOptions {
  /** Its abort rejects the promise with the code `aborted`. */
  readonly signal?: AbortSignal;
  /** In ms: after so long the promise is rejected with the code `timeout`. Without it the wait has no end of its own. */
  readonly timeoutMs?: number;
}

/**
 * Starts the call and settles as it does, or earlier at one of the limits. Then `withdraw` gives up what was not sent yet. A
 * signal that is aborted already starts nothing.
 */
export function withinLimits<T>(
  { signal, timeoutMs }: CallOptions,
  start: () => Promise<T>,
  withdraw: (error: ClientError) => void = () => undefined,
): Promise<T> {
  if (signal === undefined && timeoutMs === undefined) return start();
  const problem = checkLimits(signal, timeoutMs);
  if (problem) return Promise.reject(problem);
  if (signal?.aborted) return Promise.reject(aborted());
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onAbort = () => end(aborted());
    function release(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
    function end(error: ClientError): void {
      release();
      // First: withdrawing rejects the call too, and may say less about the reason.
      reject(error);
      withdraw(error);
    }
    signal?.addEventListener('abort', onAbort);
    if (timeoutMs !== undefined) {
      const late = new ClientError('timeout', `not done after ${timeoutMs} ms`, true);
      timer = setTimeout(() => end(late), Math.min(MAX_WAIT_MS, timeoutMs));
    }
    start().then(resolve, reject).finally(release);
  });
}

const aborted = () => new ClientError('aborted', 'the caller aborted it');

/** Callers in JavaScript have no types. */
function checkLimits(signal: unknown, timeoutMs: unknown): ClientError | undefined {
  if (timeoutMs !== undefined && !(Number(timeoutMs) >= 0 && typeof timeoutMs === 'number')) {
    return new ClientError('bad_request', 'timeoutMs: must be a number of milliseconds');
  }
  if (signal === undefined || typeof (signal as Partial<AbortSignal>)?.addEventListener === 'function') {
    return undefined;
  }
  return new ClientError('bad_request', 'signal: must be an AbortSignal');
}
