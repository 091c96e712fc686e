import { toTombstone } from './deletions.ts';
import { MAX_REACTION_USERS } from './limits.ts';
import type { ChatMessage, EditedMessage, ReactedMessage, Reaction, RoomEntry } from './rooms.ts';

/*
 * Entries about entries. A page of the log holds each message in its newest form, and the entries that changed it. Applying
 * an entry to a message here, in the SDK or in the store gives the same form as reading the message later.
 */

/** Returns the `seq` of the message that an entry changes, or undefined. */
export function targetOf(entry: RoomEntry): number | undefined {
  return entry.event === 'broadcast_say' ? entry.replyTo : entry.ref;
}

/** Applies an entry about a message to it. An entry that the message already takes into account changes nothing. */
export function fold(message: ChatMessage, entry: RoomEntry): ChatMessage {
  if (targetOf(entry) !== message.seq || message.deleted) return message;
  if (entry.event === 'deleted') return toTombstone(message);
  const { seq, at } = entry;
  if (seq <= (message.revision ?? 0)) return message;
  const revised = { ...message, revision: seq };
  switch (entry.event) {
    case 'edited':
      return { ...revised, data: { ...message.data, ...entry.data }, edited: { at, seq } };
    case 'reacted': {
      const { reactions: before, ...rest } = revised;
      const reactions = withReaction(before ?? [], entry);
      return reactions.length === 0 ? rest : { ...rest, reactions };
    }
    case 'broadcast_say':
      return { ...revised, replies: (message.replies ?? 0) + 1 };
  }
}

function withReaction(
  reactions: readonly Reaction[],
  { data: { reaction, on }, by: { userId } }: ReactedMessage,
): readonly Reaction[] {
  const known = reactions.find((one) => one.reaction === reaction);
  if (!known) return on ? [...reactions, { reaction, count: 1, users: [userId] }] : reactions;
  const count = known.count + (on ? 1 : -1);
  if (count <= 0) return reactions.filter((one) => one !== known);
  const users = on
    ? [...known.users, userId].slice(0, MAX_REACTION_USERS)
    : known.users.filter((id) => id !== userId);
  return reactions.map((one) => (one === known ? { ...known, count, users } : one));
}

/** Applies the changes, oldest first, to the messages among the entries. Most pages need none and are returned as they are. */
export function foldEntries(
  entries: readonly RoomEntry[],
  changes: readonly RoomEntry[] = entries,
): readonly RoomEntry[] {
  const about = changes.filter((entry) => targetOf(entry) !== undefined);
  if (about.length === 0) return entries;
  const folded = new Map(entries.map((entry) => [entry.seq, entry]));
  for (const entry of about) {
    const target = folded.get(targetOf(entry) as number);
    if (target?.event === 'broadcast_say') folded.set(target.seq, fold(target, entry));
  }
  const settled = new Map(
    about.flatMap((entry) =>
      entry.event === 'edited' || entry.event === 'deleted' ? [[entry.ref, entry.seq]] : [],
    ),
  );
  return Array.from(folded.values(), (entry) =>
    entry.event === 'edited' && entry.seq < (settled.get(entry.ref) ?? 0) ? withoutContent(entry) : entry,
  );
}

/**
 * Empties an edit as the log does once another one follows or the message is deleted, so that nobody reads the former text.
 * The edit that follows has everything that edits have replaced, so no reader misses this one.
 */
export function withoutContent(edit: EditedMessage): EditedMessage {
  return { ...edit, data: {} };
}
