import type { ChatMessage } from './rooms.ts';

/** The rest of a deleted message, with neither its sender nor its content. */
const DELETED_CONTENT = {
  deleted: true,
  data: { username: '', userId: '', text: '', type: 0 },
} as const;

/**
 * Converts a message to what the log holds once it is deleted. It still says which message it answers: a reader who gets it
 * only now counts it there, as everybody else has.
 */
export function toTombstone({ event, roomid, epoch, seq, id, at, replyTo }: ChatMessage): ChatMessage {
  const answering = replyTo === undefined ? {} : { replyTo };
  return { event, roomid, epoch, seq, id, at, ...answering, ...DELETED_CONTENT };
}
