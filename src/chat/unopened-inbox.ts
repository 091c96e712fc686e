import { type Refusal, refuse } from '../protocol/codes.ts';
import type { Room } from './room.ts';

/*
 * An inbox is opened by its user: by connecting with that id, by being connected when an item comes, or by having joined a
 * room. A back end opens it too, by what it puts there, since it knows whom it writes to. Anybody can make up an id and write
 * to it, so until then what people write there is bounded, and is kept for a shorter time. Whatever is acknowledged is kept for
 * that time: an item beyond the bounds is refused.
 *
 * The refusal tells its sender that nobody has opened the inbox. It cannot be avoided without losing items, or refusing those
 * for people who exist; below the bounds the answers are the same.
 */

export const UNOPENED_ITEMS = 20;
/** Bytes of the items as the sender's worker writes them. The first item is taken whatever its size. */
export const UNOPENED_BYTES = 65_536;
/** The life of the items from the last one, or INBOX_TTL_S if that is shorter. */
const UNOPENED_TTL_S = 604_800;

/** The content of an inbox that nobody has opened. */
export interface UnopenedContent {
  readonly items: number;
  readonly bytes: number;
}

export const unopenedTtlS = (inboxTtlS: number) => Math.min(inboxTtlS, UNOPENED_TTL_S);

/** Returns the content with one more item, or undefined if the inbox does not take it. */
export function withItem({ items, bytes }: UnopenedContent, itemBytes: number): UnopenedContent | undefined {
  const isFull = items >= UNOPENED_ITEMS || bytes + itemBytes > UNOPENED_BYTES;
  return items > 0 && isFull ? undefined : { items: items + 1, bytes: bytes + itemBytes };
}

export function refuseUnopened({ roomid }: Pick<Room, 'roomid'>): Refusal {
  return refuse('limit', `to: ${roomid} has too many items that nobody has seen yet`);
}
