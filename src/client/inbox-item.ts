import type {
  Announcement,
  Item,
  ItemKind,
  PrivateMessage,
  ReceiveMessage,
  TodoMeta,
} from '../protocol/people.ts';

interface ForSomebody extends Omit<Item, 'seq' | 'kind' | 'data'> {
  /**
   * In the inbox, for `inbox.ack`. Absent of an announcement that comes live: its number is given when the person
   * next logs in, lists or acknowledges. `inbox.list` has it.
   */
  readonly seq?: number;
}

/** Something for this person. */
export type InboxItem =
  | (ForSomebody & {
      readonly kind: 'private';
      readonly data: { readonly to: string; readonly text: string };
    })
  | (ForSomebody & { readonly kind: Exclude<ItemKind, 'private'>; readonly data: unknown });

/** How an item came. */
export interface ItemOrigin {
  /** `login`: it was stored while this client was away, or before it first came. */
  readonly source: 'live' | 'login';
  /** False of what was read already, what the person wrote, and what no inbox keeps. */
  readonly unread: boolean;
}

export interface LiveItem {
  readonly item: InboxItem;
  /** Absent where the event does not say. */
  readonly epoch?: string;
  /** False: an announcement to some rooms, which is only ever heard live. */
  readonly persisted: boolean;
}

/** What an event brings in the shape that it has in a list. Undefined: it brings nothing for the inbox. */
export function liveItem(name: string, args: readonly unknown[], now: () => number): LiveItem | undefined {
  switch (name) {
    case 'private': {
      const { id, seq, epoch, at, from, to, text } = args[0] as PrivateMessage;
      return { item: { id, seq, at, kind: 'private', from, data: { to, text } }, epoch, persisted: true };
    }
    case 'todo_message': {
      const { id, seq, epoch, at } = args[1] as TodoMeta;
      return { item: { id, seq, at, kind: 'todo', data: args[0] }, epoch, persisted: true };
    }
    case 'receive_message': {
      const { id, seq, entityType, data, kind = 'push' } = args[0] as ReceiveMessage;
      return { item: { id, seq, at: now(), kind, entityType, data }, persisted: true };
    }
    case 'announcement': {
      // Its seq mostly counts the announcements to everybody, not this person's inbox.
      const { id, seq, at, data } = args[0] as Announcement;
      return { item: { id, at, kind: 'announcement', data }, persisted: seq !== undefined };
    }
    default:
      return undefined;
  }
}
