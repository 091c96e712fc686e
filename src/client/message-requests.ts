import type { Acks } from '../protocol/events.ts';
import { parseId, parseReaction } from '../protocol/names.ts';
import type { PayloadInput } from '../protocol/payloads.ts';
import { MODERATION_ACTIONS, type ModerationAction } from '../protocol/rooms.ts';
import { askUntilAnswered } from './ask-until-answered.ts';
import { ClientError, errorOf } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';
import { type Content, checkMessageId, checkText, copyOf } from './drafts.ts';
import { newMessageId } from './message-id.ts';
import type { Edit, Room } from './room.ts';
import type { RoomChanges } from './room-changes.ts';

export interface MessageRequestsDeps {
  readonly roomid: string;
  readonly connection: Pick<Connection, 'ask' | 'state'>;
  /** The error of a content that is too large to be sent. */
  readonly checkContent: (content: Content) => ClientError | undefined;
  /** Takes a change that waits until it is stored. */
  readonly change: RoomChanges['add'];
}

type Request = 'read' | 'edit' | 'delete' | 'react' | 'moderate';

/** Changes messages, raises the read marker, and moderates users. Each request is sent again, unchanged, until it is answered. */
export function createMessageRequests({
  roomid,
  connection,
  checkContent,
  change,
}: MessageRequestsDeps): Pick<Room, Request> {
  function ask<E extends 'moderate' | 'room:read'>(event: E, payload: PayloadInput<E>): Promise<Acks[E]> {
    return new Promise((resolve, reject) => {
      askUntilAnswered(connection, event, payload, (answer) => {
        if (!answer) {
          reject(new ClientError('unavailable', 'not connected', true));
          return;
        }
        const outcome = outcomeOf(answer);
        if (outcome.ok) resolve(outcome.value);
        else reject(errorOf(outcome.error));
      });
    });
  }

  /** Returns what the edit sends, a copy, or why it cannot be sent: the server closes the connection on some of it. */
  function contentOf({ text, data }: Edit): Content | ClientError {
    const problem = text === undefined ? undefined : checkText(text);
    if (problem) return problem;
    const copy = copyOf(data);
    if (copy instanceof ClientError) return copy;
    return checkContent({ text, data: copy }) ?? { text, data: copy };
  }

  return {
    async read(seq) {
      const problem = checkSeq(seq);
      if (problem) throw problem;
      return (await ask('room:read', { roomid, seq })).read;
    },
    edit(seq, edit) {
      const { clientMsgId = newMessageId() } = edit;
      const content = checkSeq(seq) ?? checkMessageId(clientMsgId) ?? contentOf(edit);
      if (content instanceof ClientError) return Promise.reject(content);
      return change({
        event: 'edit',
        clientMsgId,
        content,
        payload: { roomid, seq, clientMsgId, ...content },
      });
    },
    delete(seq) {
      const problem = checkSeq(seq);
      if (problem) return Promise.reject(problem);
      // The same in every call, so that the server knows a repeated one again.
      const clientMsgId = `delete:${seq}`;
      return change({ event: 'delete', clientMsgId, payload: { roomid, seq, clientMsgId } });
    },
    moderate(action, userId, seconds) {
      const problem = checkOrder(action, userId, seconds);
      return problem ? Promise.reject(problem) : ask('moderate', { roomid, action, userId, seconds });
    },
    react(seq, reaction, on = true) {
      const problem = checkSeq(seq) ?? checkReaction(reaction, on);
      if (problem) return Promise.reject(problem);
      return change({ event: 'react', clientMsgId: newMessageId(), payload: { roomid, seq, reaction, on } });
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
