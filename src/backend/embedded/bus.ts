import type { Entry, RoomBus } from '../../chat/log-store.ts';
import type { PresenceChange, PresenceEvent } from '../../chat/roster.ts';
import type { IpcChannel } from '../../cluster/ipc.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import { BUS, type BusService } from './services.ts';

interface Listener {
  readonly onEntry: (entry: Entry) => void;
  readonly onPresence: ((change: PresenceChange | PresenceEvent) => void) | undefined;
}

interface RoomListeners {
  readonly all: Set<Listener>;
  readonly subscribed: Promise<Outcome<void>>;
}

export interface BusDeps {
  readonly service: BusService;
  readonly primary: Pick<IpcChannel, 'notify' | 'onNotice'>;
}

/**
 * The worker has one subscription per room, however many listeners: it subscribes for the first and unsubscribes after
 * the last. The IPC channel keeps the order, so a room that is left and taken again in one turn ends subscribed.
 */
export function createBus({ service, primary }: BusDeps): RoomBus & { close(): void } & Sized {
  const rooms = new Map<string, RoomListeners>();

  function listenersOf(tag: string): RoomListeners {
    const known = rooms.get(tag) ?? { all: new Set(), subscribed: service.subscribe(tag) };
    rooms.set(tag, known);
    return known;
  }

  function remove(tag: string, listeners: RoomListeners, listener: Listener): void {
    if (!listeners.all.delete(listener) || listeners.all.size > 0 || rooms.get(tag) !== listeners) return;
    rooms.delete(tag);
    primary.notify(BUS.unsubscribe, tag);
  }

  primary.onNotice(BUS.entries, (published) => {
    for (const { tag, entry } of published) {
      for (const { onEntry } of rooms.get(tag)?.all ?? []) onEntry(entry);
    }
  });
  primary.onNotice(BUS.presence, ({ tag, change }) => {
    for (const { onPresence } of rooms.get(tag)?.all ?? []) onPresence?.(change);
  });

  return {
    sizes: () => ({ rooms: rooms.size }),
    async subscribe({ tag }, onEntry, onPresence) {
      const listeners = listenersOf(tag);
      // A new object, so that the same function may listen twice.
      const listener: Listener = { onEntry, onPresence };
      listeners.all.add(listener);
      const answered = await listeners.subscribed;
      if (answered.ok) return succeed({ close: () => remove(tag, listeners, listener) });
      // The primary may have subscribed this worker after the time limit: undo that.
      if (rooms.get(tag) === listeners) rooms.delete(tag);
      listeners.all.delete(listener);
      if (!rooms.has(tag)) primary.notify(BUS.unsubscribe, tag);
      return answered;
    },
    async notify({ tag }, move) {
      primary.notify(BUS.notify, { tag, move });
      return succeed(undefined);
    },
    /** A worker never outlives its IPC channel, so there is nothing to announce. */
    onResync() {},
    /** Entries come over the same channel: an answer shows that they arrive too. */
    probe: service.probe,
    /** The primary ends a worker that it cannot hear. */
    reconnect() {},
    close() {
      for (const [tag, { all }] of rooms) {
        all.clear();
        primary.notify(BUS.unsubscribe, tag);
      }
      rooms.clear();
    },
  };
}
