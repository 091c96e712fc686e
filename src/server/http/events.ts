import * as z from 'zod';
import { roomOf } from '../../chat/room.ts';
import * as payloads from '../../protocol/payloads.ts';
import { denied } from '../events/room-access.ts';
import type { StartStream } from './answer-kinds.ts';
import { roomid } from './fields.ts';
import { type ApiRoute, route } from './route.ts';

/** An epoch has no colon. */
const lastEventId = z
  .string()
  .transform((id, context) => {
    if (id === '') return undefined;
    const [, epoch, seq] = /^([^:]+):(\d{1,16})$/.exec(id) ?? [];
    const position = payloads.position.safeParse({ epoch, seq: Number(seq) });
    if (position.success) return position.data;
    context.addIssue({ code: 'custom', message: 'must be the id of an event: epoch:seq' });
    return z.NEVER;
  })
  .meta({
    type: 'string',
    description: 'The id of the last event that was received: the stream begins after it.',
  });

const events = route({
  method: 'GET',
  path: '/api/v1/rooms/:roomid/events',
  operationId: 'streamEvents',
  summary:
    'Streams the messages of a room as server-sent events. Accepts a user’s token that allows the room, too.',
  forUsers: true,
  answers: 'events',
  params: z.object({ roomid }),
  headers: z.object({ 'last-event-id': lastEventId.optional() }),
  answer: z.custom<StartStream>().meta({
    type: 'string',
    description:
      '`id: epoch:seq`, then `event: message` with an entry as getMessages lists it, or `event: gap` with {roomid, epoch, from, to, reason}: these messages are lost. A comment at least every 15 s.',
  }),
  async run({ nsp, reader, scope, params, headers }, { eventStreams }) {
    const refusal = reader && denied({ identity: reader }, params.roomid, 'read');
    if (refusal) return refusal;
    const room = roomOf(nsp, params.roomid);
    const user = reader && {
      userId: reader.user.id,
      expiresAt: reader.access.expiresAt,
      token: reader.access.token,
    };
    return eventStreams.open(room, headers['last-event-id'], user, scope);
  },
});

export const EVENT_ROUTES: readonly ApiRoute[] = [events];
