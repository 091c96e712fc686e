import { parseId, parseReaction } from '../protocol/names.ts';
import { MODERATION_ACTIONS, type ModerationAction, type SayAck } from '../protocol/rooms.ts';
import { askNow } from './ask-now.ts';
import { type CallOptions, withinLimits } from './call-options.ts';
import { ClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import { type Content, checkMessageId, checkText, copyOf } from './drafts.ts';
import { newMessageId } from './message-id.ts';
import type { Edit, Room } from './room.ts';
import type { Change, RoomChanges } from './room-changes.ts';

export interface MessageRequestsDeps {
  readonly roomid: string;
  readonly connection: Pick<Connection, 'ask' | 'state'>;
  /** The error of a content that is too large to be sent. */
  readonly checkContent: (content: Content) => ClientError | undefined;
  /** Takes changes that wait until they are stored. */
  readonly changes: Pick<RoomChanges, 'add' | 'withdraw'>;
}

type Request = 'read' | 'edit' | 'delete' | 'react' | 'moderate';

/** Changes messages, raises the read marker, and moderates users. Each request is sent again, unchanged, until it is answered. */
export function createMessageRequests({
  roomid,
  connection,
  checkContent,
  changes,
}: MessageRequestsDeps): Pick<Room, Request> {
  /** Returns what the edit sends, a copy, or why it cannot be sent: the server closes the connection on some of it. */
  function contentOf({ text, data }: Edit): Content | ClientError {
    const problem = text === undefined ? undefined : checkText(text);
    if (problem) return problem;
    const copy = copyOf(data);
    if (copy instanceof ClientError) return copy;
    return checkContent({ text, data: copy }) ?? { text, data: copy };
  }

  function change(given: Change, options: CallOptions): Promise<SayAck> {
    return withinLimits(
      options,
      () => changes.add(given),
      (error) => changes.withdraw(given.clientMsgId, error),
    );
  }

  return {
    async read(seq, options = {}) {
      const problem = checkSeq(seq);
      if (problem) throw problem;
      const ask = () => askNow(connection, 'room:read', { roomid, seq });
      return (await withinLimits(options, ask)).read;
    },
    edit(seq, edit, options = {}) {
      const { clientMsgId = newMessageId() } = edit;
      const content = checkSeq(seq) ?? checkMessageId(clientMsgId) ?? contentOf(edit);
      if (content instanceof ClientError) return Promise.reject(content);
      const payload = { roomid, seq, clientMsgId, ...content };
      return change({ event: 'edit', clientMsgId, content, payload }, options);
    },
    delete(seq, options = {}) {
      const problem = checkSeq(seq);
      if (problem) return Promise.reject(problem);
      // The same in every call, so that the server knows a repeated one again.
      const clientMsgId = `delete:${seq}`;
      return change({ event: 'delete', clientMsgId, payload: { roomid, seq, clientMsgId } }, options);
    },
    moderate(action, userId, seconds, options = {}) {
      const problem = checkOrder(action, userId, seconds);
      if (problem) return Promise.reject(problem);
      const order = { roomid, action, userId, seconds };
      return withinLimits(options, () => askNow(connection, 'moderate', order));
    },
    react(seq, reaction, on = true, options = {}) {
      const problem = checkSeq(seq) ?? checkReaction(reaction, on);
      if (problem) return Promise.reject(problem);
      const payload = { roomid, seq, reaction, on };
      return change({ event: 'react', clientMsgId: newMessageId(), payload }, options);
    },
  };
}

function checkOrder(action: unknown, userId: unknown, seconds: unknown): ClientError | undefined {
  if (!MODERATION_ACTIONS.includes(action as ModerationAction)) {
    return new ClientError('bad_request', `action: must be one of ${MODERATION_ACTIONS.join(', ')}`);
  }
  if (parseId(userId) === undefined) return new ClientError('bad_request', 'userId: must be a user id');
  if (seconds === undefined || Number.isSafeInteger(seconds)) return undefined;
  return new ClientError('bad_request', 'seconds: must be a whole number');
}

/** Callers in JavaScript have no types. */
function checkSeq(seq: unknown): ClientError | undefined {
  return Number.isSafeInteger(seq)
    ? undefined
    : new ClientError('bad_request', 'seq: must be a whole number');
}

function checkReaction(reaction: unknown, on: unknown): ClientError | undefined {
  if (parseReaction(reaction) === undefined) {
    return new ClientError('bad_request', 'reaction: must be 1 to 32 characters that can be seen');
  }
  return typeof on === 'boolean' ? undefined : new ClientError('bad_request', 'on: must be true or false');
}
