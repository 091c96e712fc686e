import type { HookSource } from '../../chat/hook-queue.ts';
import { parseItem, toItem } from '../../chat/inbox/items.ts';
import type { InboxStore } from '../../chat/inbox-store.ts';
import type { Entry, RoomLogs } from '../../chat/log-store.ts';
import { inboxOf, type Room } from '../../chat/room.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import { droppedEvent, type HookEvent, type PendingEvents, pageBehind, stateAt } from './log-events.ts';

/*
 * A user's inbox is the queue of what may become `push.undelivered`. The state of its subject is the position of the last item
 * that is decided: HOOK_UNDELIVERED_S after it was stored, an item is either received by one of the user's devices, or an event.
 */

export interface PendingPushes extends PendingEvents {
  /** The time at which the next item is to be decided, ms since 1970; undefined if none waits. */
  readonly nextAt: number | undefined;
}

export interface PushEvents {
  /** The time that an item has to be received. */
  readonly undeliveredMs: number;
  /** Decides the next items of a user, at most `limit`. */
  pending(source: HookSource & { readonly limit: number }): Promise<Outcome<PendingPushes>>;
}

export interface PushEventsDeps {
  readonly logs: Pick<RoomLogs, 'read'>;
  readonly inboxes: Pick<InboxStore, 'markers'>;
  readonly undeliveredMs: number;
  /** Ms since 1970. */
  readonly now: () => number;
}

export const pushSubject = ({ nsp, roomid }: Pick<Room, 'nsp' | 'roomid'>): string =>
  JSON.stringify(['push', nsp, roomid]);

export const isPush = (subject: string): boolean => subject.startsWith('["push",');

export function createPushEvents({ logs, inboxes, undeliveredMs, now }: PushEventsDeps): PushEvents {
  function eventOf({ nsp, roomid, tag }: Room, entry: Entry): HookEvent | undefined {
    const item = parseItem(entry);
    // Items between people have receipts of their own.
    if (item.copied || !['push', 'announcement', 'remind'].includes(item.kind)) return undefined;
    return {
      id: `undelivered:${tag}:${entry.epoch}:${entry.seq}`,
      type: 'push.undelivered',
      at: item.at + undeliveredMs,
      ns: nsp,
      userId: roomid,
      item: toItem(item),
    };
  }

  return {
    undeliveredMs,
    async pending({ subject, state, limit }) {
      const [, nsp, userId] = JSON.parse(subject) as [string, string, string];
      const inbox = inboxOf(nsp, userId);
      const [read, markers] = await Promise.all([
        pageBehind(logs, inbox, { state, limit }),
        inboxes.markers(inbox),
      ]);
      if (!read.ok) return read;
      if (!markers.ok) return markers;
      const { page, after, dropped } = read.value;
      const dueAt = ({ json }: Entry) => (JSON.parse(json) as { readonly at: number }).at + undeliveredMs;
      const waiting = page.entries.findIndex((entry) => dueAt(entry) > now());
      const decided = waiting < 0 ? page.entries : page.entries.slice(0, waiting);
      const undelivered = decided.filter(({ seq }) => seq > markers.value.recv);
      const next = waiting < 0 ? undefined : page.entries[waiting];
      return succeed({
        events: [
          ...(dropped > 0 ? [droppedEvent(inbox, { page, after, at: now() })] : []),
          ...undelivered.flatMap((entry) => eventOf(inbox, entry) ?? []),
        ],
        state: stateAt(page, after, decided.at(-1)),
        more: page.more && waiting < 0,
        dropped,
        nextAt: next && dueAt(next),
      });
    },
  };
}
