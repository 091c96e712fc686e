import * as z from 'zod';
import { roomOf } from '../../chat/room.ts';
import { withBlankOptionals } from '../../protocol/blank-fields.ts';
import { succeed } from '../../protocol/codes.ts';
import { DEFAULT_HISTORY, MAX_HISTORY, MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import { messageOf } from '../delivery/messages.ts';
import { storeMessage, toAck } from '../events/outgoing-message.ts';
import {
  at,
  avatar,
  clientMsgId,
  count,
  pageLimit,
  roomid,
  text,
  userId,
  username,
  wholeNumber,
} from './fields.ts';
import { type ApiRoute, route } from './route.ts';

/** The sender of messages that name none. */
const NOBODY = { userId: 'roomcast', username: 'roomcast' };

const MAX_TYPE = 65_535;
const ofRoom = z.object({ roomid });
const person = z.object({ username: z.string(), userId: z.string(), avatar: z.string().optional() });
const member = person.extend({
  clients: count.describe('Connections in the room; 0 if the last one was lost less than 5 s ago.'),
  state: z
    .enum(['online', 'doubtful'])
    .describe('doubtful: the worker with the connections has stopped its heartbeats.'),
  seenAt: z.number().int().describe('The last heartbeat of that worker, ms since 1970.'),
});
const counts = { users: count, clients: count };
const after = 'Those after this one, in the order of the bytes.';
const next = z.string().optional().describe('The `after` of the next page; absent on the last one.');

const say = route({
  method: 'POST',
  path: '/api/v1/rooms/:roomid/messages',
  operationId: 'say',
  summary: 'Sends a message to a room.',
  params: ofRoom,
  body: z.object({
    text,
    type: z.number().int().min(0).max(MAX_TYPE).default(0),
    from: z
      .union(
        [
          username,
          withBlankOptionals(
            z.object({
              userId: userId.optional(),
              username: username.optional(),
              avatar: avatar.optional(),
            }),
          ),
        ],
        { error: 'must be a name or {userId?, username?, avatar?}' },
      )
      .default({})
      .describe(`The sender that clients show; a string is the username. Default: ${NOBODY.userId}.`),
    clientMsgId: clientMsgId.optional(),
  }),
  answer: z.object({
    roomid: z.string(),
    epoch: z.string(),
    seq: count,
    id: z.string(),
    at,
    dup: z
      .literal(true)
      .optional()
      .describe('The clientMsgId was used before; this repeats the first answer.'),
  }),
  async run({ nsp, scope, operation, params, body }, context) {
    const room = roomOf(nsp, params.roomid);
    const from = personOf(body.from);
    const { text: said, type, clientMsgId: known } = body;
    const stored = await storeMessage(context, {
      room,
      from,
      text: said,
      type,
      clientMsgId: known,
      scope,
      operation,
    });
    return stored.ok ? succeed(toAck(room, stored.value)) : stored;
  },
});

interface From {
  readonly userId?: string | undefined;
  readonly username?: string | undefined;
  readonly avatar?: string | undefined;
}

function personOf(from: string | From) {
  const given: From = typeof from === 'string' ? { username: from } : from;
  const { userId: id = NOBODY.userId, username: name = NOBODY.username, avatar: face } = given;
  return { username: name, userId: id, avatar: face };
}

const seqGiven = wholeNumber(0, Number.MAX_SAFE_INTEGER);

const entry = { roomid: z.string(), epoch: z.string(), seq: count, id: z.string(), at };
const saidMessage = z.object({
  event: z.literal('broadcast_say'),
  ...entry,
  clientMsgId: z.string().optional(),
  deleted: z.literal(true).optional().describe('The message was deleted; its data is empty.'),
  data: person.extend({ text: z.string(), type: z.number().int() }),
});
const deletedMessage = z.object({
  event: z.literal('deleted'),
  ...entry,
  ref: count.describe('The seq of the deleted message.'),
  by: person
    .pick({ userId: true, username: true })
    .optional()
    .describe('The user who deleted it; absent if a back end did.'),
});

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
    messages: z.array(z.discriminatedUnion('event', [saidMessage, deletedMessage])),
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

const list = route({
  method: 'GET',
  path: '/api/v1/rooms',
  operationId: 'listRooms',
  summary: 'The rooms that have members, on any worker.',
  query: z.object({ after: roomid.optional().describe(after), limit: pageLimit }),
  answer: z.object({ rooms: z.array(z.object({ roomid: z.string(), ...counts })), next }),
  run: ({ nsp, query }, { roster }) => roster.rooms(nsp, pageOf(query)),
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
  query: z.object({ after: userId.optional().describe(after), limit: pageLimit }),
  answer: z.object({ ...counts, members: z.array(member), next }),
  async run({ nsp, params, query }, { roster }) {
    const room = roomOf(nsp, params.roomid);
    const [counted, page] = await Promise.all([roster.count(room), roster.members(room, pageOf(query))]);
    if (!counted.ok) return counted;
    if (!page.ok) return page;
    const { users, clients } = counted.value;
    const { rev: _, ...listed } = page.value;
    return succeed({ users, clients, ...listed });
  },
});

function pageOf({ after: from, limit }: { after?: string | undefined; limit: number }) {
  return { limit, after: from };
}

export const ROOM_ROUTES: readonly ApiRoute[] = [list, one, members, say, history];
