import { CONTROL } from './control.ts';
import type { IpcChannel } from './ipc.ts';

/** One message a connection cost 4 % of all that connecting costs, half of it in the primary. */
const GATHER_MS = 50;

export interface ClientCounter {
  connected(): void;
  disconnected(): void;
  /** Forgets what was not sent yet: the whole count, which is about to be sent, includes it. */
  reset(): void;
}

/** Tells the primary how many clients came and went, gathered for a moment. */
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
