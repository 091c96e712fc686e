import { socketRoom } from '../../backend/socket-room.ts';
import type { MessageReceipts, Party } from '../../chat/inbox/message-receipts.ts';
import type { AcknowledgedMarkers, RaisedMarkers } from '../../chat/inbox-store.ts';
import { inboxOf } from '../../chat/room.ts';
import type { Sized } from '../../sizes.ts';
import type { ChatNamespace } from '../socket-types.ts';

export interface ReceiptsDeps {
  readonly receipts: Pick<MessageReceipts, 'ofReader'>;
  readonly of: (nsp: string) => ChatNamespace;
}

/** Notifies senders of private messages of what a receiver has acknowledged: once a second for each receiver. */
export interface Receipts {
  acknowledged(reader: Party, markers: RaisedMarkers): void;
  close(): void;
}

/** The markers of a receiver since its senders were notified. */
interface Step {
  readonly reader: Party;
  readonly was: AcknowledgedMarkers;
  readonly now: AcknowledgedMarkers;
}

/** A receiver whose senders were notified within the last second. */
interface Pause {
  readonly timer: ReturnType<typeof setTimeout>;
  next?: Step;
}

const EVERY_MS = 1_000;
/** A primary of the previous release does not say which markers it replaced. A repeated receipt changes nothing. */
const LOOK_BACK = 50;

export function createReceipts({ receipts, of }: ReceiptsDeps): Receipts & Sized {
  const pauses = new Map<string, Pause>();

  function notify(step: Step): void {
    const { reader, was, now } = step;
    const { tag } = inboxOf(reader.nsp, reader.userId);
    const timer = setTimeout(() => {
      const next = pauses.get(tag)?.next;
      pauses.delete(tag);
      if (next) notify(next);
    }, EVERY_MS);
    pauses.set(tag, { timer: timer.unref() });
    // It is not repeated if the store is away: the next receipt, or a list of them, says as much.
    void receipts.ofReader(reader, was, now).then((found) => {
      if (!found.ok) return;
      for (const { to, receipt } of found.value)
        of(reader.nsp)
          .to(socketRoom(inboxOf(reader.nsp, to)))
          .emit('receipt', receipt);
    });
  }

  return {
    sizes: () => ({ pauses: pauses.size }),
    acknowledged(reader, { recv, read, was: replaced }) {
      const was = replaced ?? { recv: recv - LOOK_BACK, read: read - LOOK_BACK };
      if (recv <= was.recv && read <= was.read) return;
      const step = { reader, was, now: { recv, read } };
      const pause = pauses.get(inboxOf(reader.nsp, reader.userId).tag);
      if (pause) pause.next = pause.next ? together(pause.next, step) : step;
      else notify(step);
    },
    close() {
      for (const { timer } of pauses.values()) clearTimeout(timer);
      pauses.clear();
    },
  };
}

/** An inbox that was erased in between begins anew, below the markers of the first step. */
function together(first: Step, { reader, was, now }: Step): Step {
  const isNew = was.recv < first.was.recv || was.read < first.was.read;
  return { reader, was: isNew ? was : first.was, now };
}
