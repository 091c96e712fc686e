import type { Acks } from '../protocol/events.ts';
import { type Connection, outcomeOf } from './connection.ts';

export interface ReceiptsDeps {
  readonly connection: Pick<Connection, 'ask'>;
  readonly onMarks: (marks: Acks['inbox:ack']) => void;
}

/** Tells the server up to where the application has had its items, so that their senders can know. */
export interface Receipts {
  received(seq: number): void;
  open(): void;
  shut(): void;
  /** From now on it is about another inbox. What was told of the one before is answered. */
  reset(): void;
}

/** At most one in so long: each is a write to the store. */
const PAUSE_MS = 1_000;

export function createReceipts({ connection, onMarks }: ReceiptsDeps): Receipts {
  let flowing = false;
  let had = 0;
  let sent = 0;
  let onWire = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function send(): void {
    if (!flowing || onWire || timer || had === sent) return;
    const recv = had;
    onWire = true;
    connection.ask('inbox:ack', { recv }, (answer) => {
      onWire = false;
      // Without an answer it is told again on the next link.
      if (!answer) return;
      const outcome = outcomeOf(answer);
      if (outcome.ok || !outcome.error.temporary) sent = recv;
      rest(outcome.ok ? PAUSE_MS : Math.max(PAUSE_MS, outcome.error.retryAfterMs ?? 0));
      if (outcome.ok) onMarks(outcome.value);
    });
  }

  function rest(waitMs: number): void {
    if (!flowing) return;
    timer = setTimeout(() => {
      timer = undefined;
      send();
    }, waitMs);
  }

  function stopResting(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    received(seq) {
      had = seq;
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
      had = 0;
      sent = 0;
      stopResting();
    },
  };
}
