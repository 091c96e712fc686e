import { fold as foldMessage } from '../protocol/folding.ts';
import type { ChatMessage, Joined, MessagePage, RoomEntry } from '../protocol/rooms.ts';

/** A message as listeners and pages of this client get it. */
export interface ReceivedMessage extends ChatMessage {
  /** This client's user wrote it, on whatever device. The mark is the client's own: the server does not send it. */
  readonly mine?: true;
}

/** An entry of a room's log: a message, or a change of an earlier one. */
export type ReceivedEntry = ReceivedMessage | Exclude<RoomEntry, ChatMessage>;

interface Received {
  readonly messages: readonly ReceivedEntry[];
}

export type ReceivedPage = Omit<MessagePage, 'messages'> & Received;
/** The answer to a join. */
export type JoinedRoom = Omit<Joined, 'messages'> & Received;

/** Applies an entry about a message to it. An entry that the message already takes into account changes nothing. */
export const fold: (message: ReceivedMessage, entry: RoomEntry) => ReceivedMessage = foldMessage;

export function markOwn(entry: RoomEntry, userId: string | undefined): ReceivedEntry {
  const isMine = entry.event === 'broadcast_say' && entry.data.userId === userId && !entry.deleted;
  return isMine ? { ...entry, mine: true } : entry;
}

/** Marks the own messages of a page or of the answer to a join. */
export function withOwnMarked<P extends { readonly messages: readonly RoomEntry[] }>(
  page: P,
  userId: string | undefined,
): Omit<P, 'messages'> & Received {
  return { ...page, messages: page.messages.map((entry) => markOwn(entry, userId)) };
}
