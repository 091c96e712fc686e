import { socketRoom } from '../../backend/socket-room.ts';
import type { MessageReceipts, Party } from '../../chat/inbox/message-receipts.ts';
import type { InboxMarkers } from '../../chat/inbox-store.ts';
import { inboxOf } from '../../chat/room.ts';
import type { ChatNamespace } from '../socket-types.ts';

export interface ReceiptsDeps {
  readonly receipts: Pick<MessageReceipts, 'ofReader'>;
  readonly of: (nsp: string) => ChatNamespace;
}

/** Tells senders of private messages what a receiver has acknowledged: once a second for each receiver. */
export interface Receipts {
  acknowledged(reader: Party, markers: InboxMarkers): void;
  close(): void;
}

interface Told {
  recv: number;
  read: number;
  next?: { readonly reader: Party; readonly markers: InboxMarkers };
  timer?: ReturnType<typeof setTimeout>;
}

const EVERY_MS = 1_000;
/** The first acknowledgement on this worker looks back so many messages. A repeated receipt changes nothing. */
const LOOK_BACK = 50;
const MOST_READERS = 10_000;

export function createReceipts({ receipts, of }: ReceiptsDeps): Receipts {
  const readers = new Map<string, Told>();

  function rest(told: Told): void {
    told.timer = setTimeout(() => {
      delete told.timer;
      const { next } = told;
      delete told.next;
      if (next) tell(told, next.reader, next.markers);
    }, EVERY_MS);
    told.timer.unref();
  }

  function tell(told: Told, reader: Party, { recv, read }: InboxMarkers): void {
    const was = { recv: told.recv, read: told.read };
    if (recv <= was.recv && read <= was.read) return;
    Object.assign(told, { recv: Math.max(recv, was.recv), read: Math.max(read, was.read) });
    rest(told);
    // It is not repeated if the store is away: the next receipt, or a list of them, says as much.
    void receipts.ofReader(reader, was, { recv, read }).then((found) => {
      if (!found.ok) return;
      for (const { to, receipt } of found.value)
        of(reader.nsp)
          .to(socketRoom(inboxOf(reader.nsp, to)))
          .emit('receipt', receipt);
    });
  }

  function forgetOldest(): void {
    for (const [tag, { timer }] of readers) {
      if (readers.size < MOST_READERS) return;
      if (!timer) readers.delete(tag);
    }
  }

  return {
    acknowledged(reader, markers) {
      const { tag } = inboxOf(reader.nsp, reader.userId);
      if (!readers.has(tag)) forgetOldest();
      const told = readers.get(tag) ?? {
        recv: Math.max(0, markers.recv - LOOK_BACK),
        read: Math.max(0, markers.read - LOOK_BACK),
      };
      readers.set(tag, told);
      if (told.timer) told.next = { reader, markers };
      else tell(told, reader, markers);
    },
    close() {
      for (const { timer } of readers.values()) clearTimeout(timer);
      readers.clear();
    },
  };
}
