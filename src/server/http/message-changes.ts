import * as z from 'zod';
import { tooLarge } from '../../chat/content-size.ts';
import { contentDigest, type DedupeKey } from '../../chat/dedupe.ts';
import { roomOf } from '../../chat/room.ts';
import { succeed } from '../../protocol/codes.ts';
import * as payloads from '../../protocol/payloads.ts';
import { toAck } from '../events/outgoing-message.ts';
import { edit, reaction as reactionOf } from '../message-decisions.ts';
import { storedAnswer } from './entries.ts';
import { clientMsgId, messageData, reaction, roomid, text, wholeNumber } from './fields.ts';
import { type ApiRoute, type CallScope, route } from './route.ts';
import { from, personOf } from './service.ts';

const ofMessage = z.object({ roomid, seq: wholeNumber(1, Number.MAX_SAFE_INTEGER) });

const authorOf = (given: Parameters<typeof personOf>[0]) => {
  const { userId, username } = personOf(given);
  return { userId, username };
};

const editMessage = route({
  method: 'PATCH',
  path: '/api/v1/rooms/:roomid/messages/:seq',
  operationId: 'editMessage',
  summary: 'Edits a message of a room, whoever wrote it. An entry of the log announces it.',
  params: ofMessage,
  body: z
    .object({
      text: text.optional(),
      data: messageData.optional(),
      from,
      clientMsgId: clientMsgId.optional(),
    })
    .refine(payloads.hasContent, payloads.noContent('must be given, or data')),
  answer: storedAnswer,
  async run({ nsp, scope, operation, params, body }, { changes, limits }) {
    const refusal = tooLarge(body, limits);
    if (refusal) return refusal;
    const room = roomOf(nsp, params.roomid);
    const { text: written, data: json, clientMsgId: known } = body;
    const edited = await changes.apply({
      room,
      seq: params.seq,
      decide: edit({
        roomid: room.roomid,
        by: authorOf(body.from),
        text: written,
        data: json,
        clientMsgId: known,
      }),
      dedupe: dedupeOf({ scope, operation }, known, ['edit', params.seq, written, json]),
    });
    return edited.ok ? succeed(toAck(room, edited.value)) : edited;
  },
});

const reactToMessage = route({
  method: 'POST',
  path: '/api/v1/rooms/:roomid/messages/:seq/reactions',
  operationId: 'reactToMessage',
  summary: 'Adds a user’s reaction to a message, or takes it back. An entry of the log announces it.',
  params: ofMessage,
  body: z.object({ reaction, on: z.boolean().default(true), from }),
  answer: storedAnswer,
  async run({ nsp, params, body }, { changes }) {
    const room = roomOf(nsp, params.roomid);
    const { reaction: chosen, on } = body;
    const decide = reactionOf({ roomid: room.roomid, by: authorOf(body.from), reaction: chosen, on });
    const reacted = await changes.apply({ room, seq: params.seq, decide });
    return reacted.ok ? succeed(toAck(room, reacted.value)) : reacted;
  },
});

function dedupeOf(
  { scope, operation }: Pick<CallScope, 'scope' | 'operation'>,
  known: string | undefined,
  content: readonly unknown[],
): DedupeKey | undefined {
  if (known !== undefined) return { scope, clientMsgId: known, content: contentDigest(...content) };
  return operation === undefined ? undefined : { scope: 'operation', clientMsgId: operation };
}

export const MESSAGE_CHANGE_ROUTES: readonly ApiRoute[] = [editMessage, reactToMessage];
