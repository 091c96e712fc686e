import type { Draft } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import { type UnopenedContent, withItem } from '../../chat/unopened-inbox.ts';
import type { LogMeta } from './log-meta.ts';
import type { Rows } from './rows.ts';

/** The part of a note's life after which a login notes again that the user was there. */
const OPENED_AGAIN_AFTER = 1 / 4;
const NOTHING: UnopenedContent = { items: 0, bytes: 0 };

/** The signs that the user of an inbox was there. */
export interface InboxSigns {
  readonly isConnected: (inbox: Pick<Room, 'tag'>) => boolean;
  readonly subscriptions: Rows['roomSubscriptions'] | undefined;
}

/**
 * Returns the content of an inbox that nobody has opened with one more item: undefined if it is opened by now, false if it takes
 * no further item. An inbox without metadata is one that nobody has opened; that of an opened one may be without an item.
 */
export function unopenedWith(
  room: Room,
  draft: Draft,
  meta: LogMeta | undefined,
  signs: InboxSigns,
): UnopenedContent | undefined | false {
  const bounded = room.kind === 'inbox' && draft.bounded;
  if (!bounded || (meta && !meta.unopened) || signs.subscriptions || signs.isConnected(room))
    return undefined;
  const isEmpty = !meta?.unopened || meta.first > meta.top;
  return withItem(isEmpty ? NOTHING : meta.unopened, Buffer.byteLength(draft.members)) ?? false;
}

/** An inbox with items, or one whose user comes back, must be noted as opened. */
export function mustOpen(
  meta: LogMeta | undefined,
  opens: 'lastingly' | 'ifStored',
  { now, ttlS }: { readonly now: number; readonly ttlS: number },
): boolean {
  if (meta?.unopened) return true;
  if (opens === 'ifStored' || (meta && meta.top > 0)) return false;
  return !meta || Math.abs(now - meta.at) > ttlS * 1_000 * OPENED_AGAIN_AFTER;
}
