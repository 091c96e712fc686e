import { hash } from 'node:crypto';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import { fold } from '../protocol/folding.ts';
import { MAX_REACTION_USERS, MAX_REACTIONS, MAX_REACTIONS_TOGETHER } from '../protocol/limits.ts';
import type { ChatMessage, ReactedMessage, Reaction, RoomEntry } from '../protocol/rooms.ts';
import type { Entry } from './log-store.ts';

/** As the log holds it: it also knows the users that pages do not name, each by a hash, so that nobody counts twice. */
interface StoredReaction extends Reaction {
  readonly others?: readonly string[];
}

type StoredMessage = Omit<ChatMessage, 'reactions'> & { readonly reactions?: readonly StoredReaction[] };

/** 48 bits: two of the thousand users of a message hardly ever share one. */
const HASH_CHARS = 8;
const hashOf = (userId: string) => hash('sha256', userId, 'base64url').slice(0, HASH_CHARS);

/** Applies a reaction, or returns `unchanged` if it is there already, or is gone. */
export function react(stored: StoredMessage, reacted: ReactedMessage): Outcome<ChatMessage | 'unchanged'> {
  const { reactions = [] } = stored;
  const { reaction, on } = reacted.data;
  const { userId } = reacted.by;
  const known = reactions.find((one) => one.reaction === reaction);
  const { users = [], others = [] } = known ?? {};
  const other = hashOf(userId);
  if ((users.includes(userId) || others.includes(other)) === on) return succeed('unchanged');
  if (on && !known && reactions.length >= MAX_REACTIONS) {
    return refuse('limit', `reaction: a message has at most ${MAX_REACTIONS} different ones`);
  }
  if (on && reactions.reduce((sum, { count }) => sum + count, 0) >= MAX_REACTIONS_TOGETHER) {
    return refuse(
      'limit',
      `reaction: a message has at most ${MAX_REACTIONS_TOGETHER} from all users together`,
    );
  }
  const folded = fold(stored, reacted);
  const listed = on && users.length < MAX_REACTION_USERS;
  const remaining = on && !listed ? [...others, other] : others.filter((one) => one !== other);
  if (!folded.reactions) return succeed(folded);
  const reacting = folded.reactions.map((one) =>
    one.reaction === reaction ? withOthers(one, remaining) : one,
  );
  return succeed({ ...folded, reactions: reacting });
}

function withOthers({ reaction, count, users }: Reaction, others: readonly string[]): StoredReaction {
  return { reaction, count, users, ...(others.length > 0 && { others }) };
}

/** The message as pages show it. An earlier release deletes a message without what stands beside it. */
export function withoutOthers(message: ChatMessage): ChatMessage {
  if (message.deleted && (message.reactions || message.replies)) {
    const { reactions: _, replies: __, ...deleted } = message;
    return deleted;
  }
  if (!message.reactions) return message;
  return {
    ...message,
    reactions: message.reactions.map(({ reaction, count, users }) => ({ reaction, count, users })),
  };
}

/** The entry of a log as it was published, for clients. Few entries name others, so most are not parsed. */
export function shownEntry(entry: Entry): Entry {
  if (!entry.json.includes('"others":[')) return entry;
  const message = JSON.parse(entry.json) as RoomEntry;
  if (message.event !== 'broadcast_say') return entry;
  const { epoch, seq, except } = entry;
  return {
    epoch,
    seq,
    json: JSON.stringify(withoutOthers(message)),
    ...(except !== undefined && { except }),
  };
}
