import type { ChatMessage } from './rooms.ts';

/** The rest of a deleted message, with neither its sender nor its content. */
export const DELETED_CONTENT = {
  deleted: true,
  data: { username: '', userId: '', text: '', type: 0 },
} as const;

/** Converts a message to what the log holds once it is deleted. */
export function toTombstone({ event, roomid, epoch, seq, id, at }: ChatMessage): ChatMessage {
  return { event, roomid, epoch, seq, id, at, ...DELETED_CONTENT };
}
