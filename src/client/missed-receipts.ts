import type { Receipt } from '../protocol/people.ts';
import type { Requests } from './requests.ts';

export interface MissedReceiptsDeps {
  readonly requests: Pick<Requests, 'ask'>;
  readonly onReceipt: (receipt: Receipt) => void;
  /** The application listens to receipts. */
  readonly hearsReceipts: () => boolean;
}

export interface MissedReceipts {
  /** This user has written to somebody here, who may send receipts from now on. */
  written(): void;
  /** Another user is here. */
  reset(): void;
  up(): void;
  down(): void;
}

/** Asks for the receipts that came to nobody while the connection was lost. */
export function createMissedReceipts({
  requests,
  onReceipt,
  hearsReceipts,
}: MissedReceiptsDeps): MissedReceipts {
  let wrote = false;
  let missed = false;

  return {
    written() {
      wrote = true;
    },
    reset() {
      wrote = false;
      missed = false;
    },
    up() {
      const isDue = missed && hearsReceipts();
      missed = false;
      if (!isDue) return;
      // A repeated receipt changes nothing, so it need not be known which were missed.
      requests
        .ask('receipts:list', {}, (list) => list.receipts.forEach(onReceipt))
        // The client is closed by now, or the server is of an earlier release.
        .catch(() => undefined);
    },
    down() {
      missed ||= wrote;
    },
  };
}
