import type { Acks } from '../protocol/events.ts';
import { MAX_WAIT_MS } from './backoff.ts';
import { type Connection, outcomeOf } from './connection.ts';

export interface ReceiptsDeps {
  readonly connection: Pick<Connection, 'ask'>;
  readonly onMarkers: (markers: Acks['inbox:ack']) => void;
}

/** Tells the server up to where the application has received its items, so that senders can see it. */
export interface Receipts {
  received(seq: number): void;
  open(): void;
  shut(): void;
  /** Starts over for another inbox. */
  reset(): void;
}

/** At most one receipt in this time, since each is a write to the store. */
const PAUSE_MS = 1_000;

export function createReceipts({ connection, onMarkers }: ReceiptsDeps): Receipts {
  let flowing = false;
  let newest = 0;
  let sent = 0;
  let onWire = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function send(): void {
    if (!flowing || onWire || timer || newest === sent) return;
    const recv = newest;
    onWire = true;
    connection.ask('inbox:ack', { recv }, (answer) => {
      onWire = false;
      // The connection is lost, or the client moved: only then are receipts still open.
      if (!answer) {
        send();
        return;
      }
      const outcome = outcomeOf(answer);
      if (outcome.ok || !outcome.error.temporary) sent = recv;
      rest(outcome.ok ? PAUSE_MS : Math.max(PAUSE_MS, outcome.error.retryAfterMs ?? 0));
      if (outcome.ok) onMarkers(outcome.value);
    });
  }

  function rest(waitMs: number): void {
    if (!flowing) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        send();
      },
      Math.min(MAX_WAIT_MS, waitMs),
    );
  }

  function stopResting(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    received(seq) {
      newest = seq;
      send();
    },
    open() {
      flowing = true;
      send();
    },
    shut() {
      flowing = false;
      stopResting();
    },
    reset() {
      newest = 0;
      sent = 0;
      stopResting();
    },
  };
}
