import { once } from 'node:events';
import type { Logger } from 'pino';

/** The operator's signals to the primary. */
export interface Signals {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly ended: AbortSignal;
  /** The caller handles what comes from now on: another SIGTERM or SIGINT after the first, and SIGHUP. */
  handle(handlers: { readonly onEndAgain: () => void; readonly onReload: () => void }): void;
}

/**
 * Call it before the store is opened: Node's default is to die by these signals. A SIGHUP has no effect until `handle` is
 * called, because a starting primary runs the newest code anyway.
 */
export function openSignals(log: Logger): Signals {
  const ended = new AbortController();
  let onEndAgain = () => {};
  let onReload = () => log.info('SIGHUP is ignored: Roomcast is starting');
  const onEnd = () => (ended.signal.aborted ? onEndAgain() : ended.abort());
  process.on('SIGTERM', onEnd).on('SIGINT', onEnd);
  process.on('SIGHUP', () => onReload());
  return {
    ended: ended.signal,
    handle(handlers) {
      ({ onEndAgain, onReload } = handlers);
    },
  };
}

/** Resolves when the signal is aborted, or at once if it is. */
export async function aborted(signal: AbortSignal): Promise<'aborted'> {
  if (!signal.aborted) await once(signal, 'abort');
  return 'aborted';
}
