import * as z from 'zod';
import { inboxOf } from '../../chat/room.ts';
import { succeed } from '../../protocol/codes.ts';
import { count, userId } from './fields.ts';
import { type ApiRoute, route } from './route.ts';

const ofUser = z.object({ id: userId });

const one = route({
  method: 'GET',
  path: '/api/v1/users/:id',
  operationId: 'getUser',
  summary: 'A user’s connections on all workers, and the inbox position. An unknown user has none.',
  params: ofUser,
  answer: z.object({
    userId: z.string(),
    connections: count,
    online: z.boolean(),
    inbox: z.object({
      top: count.describe('The newest seq of the inbox.'),
      recvSeq: count.describe('A device has received everything up to here.'),
      readSeq: count.describe('The user has read everything up to here.'),
    }),
  }),
  async run({ nsp, params: { id } }, { roster, logs, inboxes }) {
    const inbox = inboxOf(nsp, id);
    const [counted, ends, marks] = await Promise.all([
      roster.connections([inbox]),
      logs.tops([inbox]),
      inboxes.markers(inbox),
    ]);
    if (!counted.ok) return counted;
    if (!ends.ok) return ends;
    if (!marks.ok) return marks;
    const connections = counted.value[0] ?? 0;
    const { recv: recvSeq, read: readSeq } = marks.value;
    return succeed({
      userId: id,
      connections,
      online: connections > 0,
      inbox: { top: ends.value[0]?.top ?? 0, recvSeq, readSeq },
    });
  },
});

const disconnect = route({
  method: 'POST',
  path: '/api/v1/users/:id/disconnect',
  operationId: 'disconnectUser',
  summary: 'Closes every connection of a user. Socket.IO clients do not reconnect by themselves.',
  params: ofUser,
  answer: z.object({ connections: count.describe('The number of connections that were closed.') }),
  async run({ nsp, params: { id } }, { roster, disconnect: letGo }) {
    const counted = await roster.connections([inboxOf(nsp, id)]);
    if (!counted.ok) return counted;
    await letGo(nsp, id);
    return succeed({ connections: counted.value[0] ?? 0 });
  },
});

export const USER_ROUTES: readonly ApiRoute[] = [one, disconnect];
