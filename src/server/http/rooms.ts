import * as z from 'zod';
import { roomOf } from '../../chat/room.ts';
import { succeed } from '../../protocol/codes.ts';
import { DEFAULT_HISTORY, MAX_HISTORY, MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import * as payloads from '../../protocol/payloads.ts';
import { messageOf } from '../delivery/messages.ts';
import { storeMessage, toAck } from '../events/outgoing-message.ts';
import { person, roomEntry, storedAnswer } from './entries.ts';
import {
  AFTER_ID,
  clientMsgId,
  count,
  counts,
  mentions,
  messageData,
  next,
  pageLimit,
  roomid,
  socketId,
  text,
  userId,
  wholeNumber,
} from './fields.ts';
import { type ApiRoute, route } from './route.ts';
import { from, personOf, userOf } from './service.ts';

const MAX_TYPE = 65_535;
const ofRoom = z.object({ roomid });
const member = person.extend({
  confusable: z
    .literal(true)
    .optional()
    .describe('The name looks like that of another member, or is the same.'),
  clients: count.describe('Connections in the room; 0 if the last one was lost less than 5 s ago.'),
  state: z
    .enum(['online', 'doubtful'])
    .describe('doubtful: the worker with the connections has stopped its heartbeats.'),
  seenAt: z.number().int().describe('The last heartbeat of that worker, ms since 1970.'),
});

const say = route({
  method: 'POST',
  path: '/api/v1/rooms/:roomid/messages',
  operationId: 'say',
  summary: 'Sends a message to a room.',
  params: ofRoom,
  body: z
    .object({
      text: text.optional(),
      data: messageData.optional(),
      type: z.number().int().min(0).max(MAX_TYPE).default(0),
      from,
      replyTo: payloads.entrySeq.optional().describe('The seq of the message that this one answers.'),
      mentions: mentions.optional(),
      clientMsgId: clientMsgId.optional(),
      except: socketId.optional().describe('The connection that does not get the message.'),
    })
    .refine(payloads.hasContent, payloads.noContent(payloads.NEEDS_CONTENT)),
  answer: storedAnswer,
  async run({ nsp, scope, operation, params, body }, context) {
    const room = roomOf(nsp, params.roomid);
    const { text: said, data: json, type, replyTo, mentions: mentioned, clientMsgId: known, except } = body;
    const stored = await storeMessage(context, {
      room,
      from: personOf(body.from),
      text: said,
      data: json,
      type,
      replyTo,
      mentions: mentioned,
      mentionsBy: userOf(body.from),
      clientMsgId: known,
      except,
      scope,
      operation,
    });
    return stored.ok ? succeed(toAck(room, stored.value)) : stored;
  },
});

const seqGiven = wholeNumber(0, Number.MAX_SAFE_INTEGER);

const history = route({
  method: 'GET',
  path: '/api/v1/rooms/:roomid/messages',
  operationId: 'getMessages',
  summary: 'A page of a room’s messages, oldest first; the newest without before and after.',
  params: ofRoom,
  query: z
    .object({
      before: seqGiven.optional(),
      after: seqGiven.optional(),
      limit: wholeNumber(1, MAX_HISTORY).prefault(DEFAULT_HISTORY),
    })
    .refine((query) => query.before === undefined || query.after === undefined, {
      path: ['after'],
      message: 'must not stand beside before',
    }),
  answer: z.object({
    epoch: z.string(),
    top: count.describe('The newest seq; 0 if the room has no message yet.'),
    more: z.boolean().describe('The log has more entries in the requested direction.'),
    messages: z.array(roomEntry),
  }),
  async run({ nsp, params, query }, { logs }) {
    const { before, after: from, limit } = query;
    const page = await logs.read(roomOf(nsp, params.roomid), {
      limit,
      maxBytes: MAX_PAGE_BYTES,
      before,
      after: from,
    });
    if (!page.ok) return page;
    const { epoch, top, more, entries } = page.value;
    return succeed({ epoch, top, more, messages: entries.map(messageOf) });
  },
});

const one = route({
  method: 'GET',
  path: '/api/v1/rooms/:roomid',
  operationId: 'getRoom',
  summary: 'The counts of a room and the end of its log. An unused room is empty.',
  params: ofRoom,
  answer: z.object({
    roomid: z.string(),
    ...counts,
    epoch: z.string().optional().describe('Absent until the room is first read or written.'),
    top: count.describe('The newest seq; 0 if the room has no message yet.'),
  }),
  async run({ nsp, params }, { roster, logs }) {
    const room = roomOf(nsp, params.roomid);
    const [counted, ends] = await Promise.all([roster.count(room), logs.tops([room])]);
    if (!counted.ok) return counted;
    if (!ends.ok) return ends;
    const { users, clients } = counted.value;
    return succeed({ roomid: room.roomid, users, clients, ...(ends.value[0] ?? { top: 0 }) });
  },
});

const members = route({
  method: 'GET',
  path: '/api/v1/rooms/:roomid/members',
  operationId: 'listMembers',
  summary: 'The members of a room, on any worker, sorted by user id.',
  params: ofRoom,
  query: z.object({ after: userId.optional().describe(AFTER_ID), limit: pageLimit }),
  answer: z.object({ ...counts, members: z.array(member), next }),
  async run({ nsp, params, query }, { roster }) {
    const room = roomOf(nsp, params.roomid);
    const { after, limit } = query;
    const [counted, page] = await Promise.all([roster.count(room), roster.members(room, { after, limit })]);
    if (!counted.ok) return counted;
    if (!page.ok) return page;
    const { users, clients } = counted.value;
    const { rev: _, ...listed } = page.value;
    return succeed({ users, clients, ...listed });
  },
});

export const ROOM_ROUTES: readonly ApiRoute[] = [one, members, say, history];
