import { CONTROL } from './control.ts';
import type { IpcChannel } from './ipc.ts';

export interface ClientCounter {
  connected(): void;
  disconnected(): void;
  /** Drops what is not sent yet: the full count, which the caller sends next, includes it. */
  reset(): void;
}

/** Reports that are sent at the end of their turn of the event loop, before further ones are gathered. */
const PROMPT_REPORTS = 20;
/** The time in which one further report becomes prompt. */
const PROMPT_AGAIN_MS = 100;
const GATHER_MS = 25;

/**
 * Reports to the primary how many clients came and went. A report leaves at the end of its turn of the event loop, so that
 * /status counts a client by the time the client knows that it is connected. A crowd's reports are gathered: a message per
 * connection was 6 % of the worker's cost of a connect and all that a connect cost the primary.
 */
export function createClientCounter(
  { notify }: Pick<IpcChannel, 'notify'>,
  now: () => number = () => performance.now(),
): ClientCounter {
  let came = 0;
  let went = 0;
  let prompt = PROMPT_REPORTS;
  let refilledAt = now();
  let atTurnEnd: NodeJS.Immediate | undefined;
  let later: NodeJS.Timeout | undefined;

  function send(): void {
    if (came > 0) notify(CONTROL.clientConnect, { count: came });
    if (went > 0) notify(CONTROL.clientDisconnect, { count: went });
    reset();
  }

  function reset(): void {
    clearImmediate(atTurnEnd);
    clearTimeout(later);
    atTurnEnd = undefined;
    later = undefined;
    came = 0;
    went = 0;
  }

  function takePrompt(): boolean {
    const refills = Math.floor((now() - refilledAt) / PROMPT_AGAIN_MS);
    refilledAt += refills * PROMPT_AGAIN_MS;
    prompt = Math.min(PROMPT_REPORTS, prompt + refills);
    if (prompt === 0) return false;
    prompt -= 1;
    return true;
  }

  function sendSoon(): void {
    if (atTurnEnd || later) return;
    if (takePrompt()) atTurnEnd = setImmediate(send);
    else later = setTimeout(send, GATHER_MS);
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
