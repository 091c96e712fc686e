import { CONTROL } from './control.ts';
import type { IpcChannel } from './ipc.ts';

export interface ClientCounter {
  connected(): void;
  disconnected(): void;
  /** Drops what is not sent yet: the full count, which the caller sends next, includes it. */
  reset(): void;
}

/**
 * Reports to the primary how many clients came and went, one message per turn of the event loop: a message per connection
 * was 4 % of the cost of a connect in a crowd. It waits no longer than that, so that /status counts a client by the time
 * the client knows that it is connected.
 */
export function createClientCounter({ notify }: Pick<IpcChannel, 'notify'>): ClientCounter {
  let came = 0;
  let went = 0;
  let atTurnEnd: NodeJS.Immediate | undefined;

  function send(): void {
    if (came > 0) notify(CONTROL.clientConnect, { count: came });
    if (went > 0) notify(CONTROL.clientDisconnect, { count: went });
    reset();
  }

  function reset(): void {
    clearImmediate(atTurnEnd);
    atTurnEnd = undefined;
    came = 0;
    went = 0;
  }

  function sendSoon(): void {
    atTurnEnd ??= setImmediate(send);
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
