import { socketRoom } from '../../backend/socket-room.ts';
import type { Identity } from '../../chat/identity.ts';
import { isExpired, isHeldBack, parseItem, type StoredItem } from '../../chat/inbox/items.ts';
import type { InboxStore } from '../../chat/inbox-store.ts';
import type { Entry } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import type { MentionPlace, PrivateMessage } from '../../protocol/people.ts';
import type { Sized } from '../../sizes.ts';
import type { ChatNamespace } from '../socket-types.ts';

export interface InboxDeliveryDeps {
  readonly of: (nsp: string) => ChatNamespace;
  readonly inboxes: Pick<InboxStore, 'raise'>;
  /** The owner's connections on this worker. */
  readonly sessionsOf: (inbox: Room) => readonly OwnConnection[];
  readonly now: () => number;
}

interface OwnConnection {
  readonly socket: { readonly id: string };
  readonly identity: Pick<Identity, 'access'>;
}

/** Sends new items of an inbox to the owner's connections on this worker. */
export interface InboxDelivery {
  deliver(inbox: Room, entry: Entry): void;
  /** The items up to `seq` were written to a connection. */
  sent(inbox: Room, seq: number): void;
}

export function createInboxDelivery({
  of,
  inboxes,
  sessionsOf,
  now,
}: InboxDeliveryDeps): InboxDelivery & Sized {
  /** Inboxes whose marker `sent` is raised at the end of the turn, so that a burst of items costs one write. */
  const pending = new Map<string, { readonly inbox: Room; readonly seq: number }>();

  function sent(inbox: Room, seq: number): void {
    if (pending.size === 0) setImmediate(flush);
    pending.set(inbox.tag, { inbox, seq });
  }

  function flush(): void {
    const markers = [...pending.values()];
    pending.clear();
    // The call is not repeated if the store is away: the next item or login raises the marker again.
    for (const { inbox, seq } of markers) void inboxes.raise(inbox, { sent: seq });
  }

  function heldBackFrom(inbox: Room, item: StoredItem): string[] {
    return sessionsOf(inbox)
      .filter(({ identity }) => isHeldBack(item, identity.access))
      .map(({ socket }) => socket.id);
  }

  return {
    sizes: () => ({ pending: pending.size }),
    sent,
    deliver(inbox, entry) {
      const item = parseItem(entry);
      // A login copied it in later: connected users got the announcement live.
      if (item.copied || isExpired(item, now())) return;
      const everyone = of(inbox.nsp).local.to(socketRoom(inbox));
      const owners = entry.except === undefined ? everyone : everyone.except(entry.except);
      emit(item.kind === 'mention' ? owners.except(heldBackFrom(inbox, item)) : owners, item);
      const delivered = of(inbox.nsp).adapter.rooms.has(socketRoom(inbox));
      if (delivered && isFromBackEnd(item)) sent(inbox, entry.seq);
    },
  };
}

const NOBODY = { id: '', name: '' };

type Owners = ReturnType<ChatNamespace['local']['to']>;

function emit(owners: Owners, item: StoredItem): void {
  const { id, seq, epoch, at, kind, data } = item;
  switch (kind) {
    case 'private':
      owners.emit('private', privateMessage(item));
      break;
    case 'todo':
      owners.emit('todo_message', data, { id, seq, epoch, at });
      break;
    case 'mention':
      owners.emit('mention', { id, seq, epoch, at, from: item.from ?? NOBODY, data: data as MentionPlace });
      break;
    case 'announcement':
      owners.emit('announcement', { id, seq, at, data });
      break;
    default: {
      const { entityType = '' } = item;
      owners.emit('receive_message', { entityType, data, id, seq, ...(kind === 'remind' ? { kind } : {}) });
    }
  }
}

function privateMessage({ id, seq, epoch, at, from, data }: StoredItem): PrivateMessage {
  const { to, text } = data as { to: string; text: string };
  return { id, seq, epoch, at, from: from ?? NOBODY, to, text };
}

/** Returns whether the item's sender can ask for a receipt. */
export function isFromBackEnd({ kind }: Pick<StoredItem, 'kind'>): boolean {
  return kind === 'push' || kind === 'announcement' || kind === 'remind';
}
