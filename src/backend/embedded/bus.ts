import type { Entry, RoomBus } from '../../chat/log-store.ts';
import type { PresenceChange, PresenceMove } from '../../chat/roster.ts';
import type { PrimaryLink } from '../../cluster/link.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { Ask, Notices } from './channel.ts';

interface Listener {
  readonly onEntry: (entry: Entry) => void;
  readonly onPresence: ((told: PresenceChange | PresenceMove) => void) | undefined;
}

interface Held {
  readonly listeners: Set<Listener>;
  readonly hold: Promise<Outcome<void>>;
}

/**
 * One hold a room, however many listeners: taken for the first, let go after the last. Holds and releases
 * travel over one ordered link, so a room let go and held again in one turn ends held.
 */
export function createBus({ ask, primary }: { readonly ask: Ask; readonly primary: PrimaryLink }): RoomBus & {
  close(): void;
} {
  const rooms = new Map<string, Held>();

  function holdRoom(tag: string): Held {
    const held = rooms.get(tag) ?? { listeners: new Set(), hold: ask<void>('bus.hold', { tag }) };
    rooms.set(tag, held);
    return held;
  }

  function letGo(tag: string, held: Held, listener: Listener): void {
    if (!held.listeners.delete(listener) || held.listeners.size > 0 || rooms.get(tag) !== held) return;
    rooms.delete(tag);
    primary.notify('bus.release', { tag });
  }

  primary.onNotice('bus.entries', (published: Notices['bus.entries']) => {
    for (const { tag, entry } of published) {
      for (const { onEntry } of rooms.get(tag)?.listeners ?? []) onEntry(entry);
    }
  });
  primary.onNotice('bus.presence', ({ tag, change }: Notices['bus.presence']) => {
    for (const { onPresence } of rooms.get(tag)?.listeners ?? []) onPresence?.(change);
  });

  return {
    async subscribe({ tag }, onEntry, onPresence) {
      const held = holdRoom(tag);
      // Of its own, so that the same function may listen twice.
      const listener: Listener = { onEntry, onPresence };
      held.listeners.add(listener);
      const answered = await held.hold;
      if (answered.ok) return succeed({ close: () => letGo(tag, held, listener) });
      // The primary may have taken the hold after the time limit: the release follows it.
      if (rooms.get(tag) === held) rooms.delete(tag);
      held.listeners.delete(listener);
      if (!rooms.has(tag)) primary.notify('bus.release', { tag });
      return answered;
    },
    async notify({ tag }, move) {
      primary.notify('bus.tell', { tag, move });
      return succeed(undefined);
    },
    /** The link to the primary is lost only together with this worker, so there is nothing to announce. */
    onResync() {},
    /** The link that entries come over: an answer on it shows that they come too. */
    probe: () => ask('bus.probe', null),
    /** A worker that the primary does not hear is ended by it. */
    reconnect() {},
    close() {
      for (const [tag, { listeners }] of rooms) {
        listeners.clear();
        primary.notify('bus.release', { tag });
      }
      rooms.clear();
    },
  };
}
