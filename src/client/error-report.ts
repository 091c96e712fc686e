import type { ClientEvents } from './chat-client.ts';
import type { Emitter } from './emitter.ts';

/** Tells the application of an error that no call of its own can return, such as one that a listener threw. */
export function createErrorReport(
  events: Pick<Emitter<ClientEvents>, 'emit' | 'hasListener'>,
): (error: unknown) => void {
  /** An error listener that throws does not hear of its own error. */
  let reporting = false;

  return (error) => {
    if (reporting || !events.hasListener('error')) {
      reportUnheard(error);
      return;
    }
    reporting = true;
    events.emit('error', error);
    reporting = false;
  };
}

/** Nobody listens to `error`: the runtime shows it as it does an uncaught one, and the client goes on. */
function reportUnheard(error: unknown): void {
  const { reportError } = globalThis as { reportError?: (error: unknown) => void };
  if (reportError) reportError(error);
  // biome-ignore lint/suspicious/noConsole: Node has no reportError, and silence would hide the application's mistake.
  else console.error(error);
}
