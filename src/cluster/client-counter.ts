import { CONTROL } from './control.ts';
import type { IpcChannel } from './ipc.ts';

/** One IPC message per connection was 4 % of the cost of a connect, half of it in the primary. */
const GATHER_MS = 50;

export interface ClientCounter {
  connected(): void;
  disconnected(): void;
  /** Drops what is not sent yet: the full count, which the caller sends next, includes it. */
  reset(): void;
}

/** Reports to the primary how many clients came and went, batched for a moment. */
export function createClientCounter({ notify }: Pick<IpcChannel, 'notify'>): ClientCounter {
  let came = 0;
  let went = 0;
  let timer: NodeJS.Timeout | undefined;

  function send(): void {
    if (came > 0) notify(CONTROL.clientConnect, { count: came });
    if (went > 0) notify(CONTROL.clientDisconnect, { count: went });
    reset();
  }

  function reset(): void {
    clearTimeout(timer);
    timer = undefined;
    came = 0;
    went = 0;
  }

  function sendSoon(): void {
    timer ??= setTimeout(send, GATHER_MS).unref();
  }

  return {
    connected() {
      came += 1;
      sendSoon();
    },
    disconnected() {
      went += 1;
      sendSoon();
    },
    reset,
  };
}
