import type {
  Announcement,
  Item,
  ItemKind,
  Mention,
  MentionPlace,
  PrivateMessage,
  ReceiveMessage,
  TodoMeta,
} from '../protocol/people.ts';

interface ForSomebody extends Omit<Item, 'seq' | 'kind' | 'data'> {
  /**
   * The number in the inbox, for `inbox.ack`. A live announcement has none yet: the server numbers it when the person next
   * logs in, lists or acknowledges.
   */
  readonly seq?: number;
}

/** Something for this person. */
export type InboxItem =
  | (ForSomebody & {
      readonly kind: 'private';
      readonly data: { readonly to: string; readonly text: string };
    })
  | (ForSomebody & { readonly kind: 'mention'; readonly data: MentionPlace })
  | (ForSomebody & { readonly kind: Exclude<ItemKind, 'private' | 'mention'>; readonly data: unknown });

/** The way an item arrived. */
export interface ItemOrigin {
  /** `login`: it was stored while this client was away, or before its first connection. */
  readonly source: 'live' | 'login';
  /** False for an item that is read already, written by this person, or stored in no inbox. */
  readonly unread: boolean;
}

export interface LiveItem {
  readonly item: InboxItem;
  /** Absent where the event has none. */
  readonly epoch?: string;
  /** False: an announcement to some rooms, which is live only. */
  readonly persisted: boolean;
}

/** The item of an event, in the shape that a list has. Undefined: the event has none. */
export function liveItem(name: string, args: readonly unknown[], now: () => number): LiveItem | undefined {
  switch (name) {
    case 'private': {
      const { id, seq, epoch, at, from, to, text } = args[0] as PrivateMessage;
      return { item: { id, seq, at, kind: 'private', from, data: { to, text } }, epoch, persisted: true };
    }
    case 'mention': {
      const { epoch, ...item } = args[0] as Mention;
      return { item: { ...item, kind: 'mention' }, epoch, persisted: true };
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
      // Its seq mostly numbers the announcements to everybody, not this person's inbox.
      const { id, seq, at, data } = args[0] as Announcement;
      return { item: { id, at, kind: 'announcement', data }, persisted: seq !== undefined };
    }
    default:
      return undefined;
  }
}
