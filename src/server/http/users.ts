import * as z from 'zod';
import { inboxOf } from '../../chat/room.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import * as payloads from '../../protocol/payloads.ts';
import type { StartStream } from './answer-kinds.ts';
import { exportLine } from './export-lines.ts';
import { count, seconds, until, userId } from './fields.ts';
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

const exported = route({
  method: 'GET',
  path: '/api/v1/users/:id/export',
  operationId: 'exportUser',
  summary:
    'Streams what is stored about a user, one JSON object per line. An export whose last line is not of the type end is not whole.',
  answers: 'lines',
  params: ofUser,
  line: exportLine,
  answer: z.custom<StartStream>(),
  run: ({ nsp, params: { id } }, { userExports }) => userExports.open(nsp, id),
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

const ban = route({
  method: 'POST',
  path: '/api/v1/users/:id/ban',
  operationId: 'banUserEverywhere',
  summary: 'Ends every connection of a user with bye 3503, in all namespaces, and admits the user nowhere.',
  namespaced: false,
  params: ofUser,
  body: z.object({ seconds }),
  answer: z.object({ userId: z.string(), until }),
  async run({ params: { id }, body }, { exclusions }) {
    const banned = await exclusions.ban(id, body.seconds);
    return banned.ok ? succeed({ userId: id, ...banned.value }) : banned;
  },
});

const unban = route({
  method: 'DELETE',
  path: '/api/v1/users/:id/ban',
  operationId: 'unbanUserEverywhere',
  summary: 'Admits a banned user again. Bans from rooms stay.',
  namespaced: false,
  params: ofUser,
  answer: z.object({ userId: z.string() }),
  async run({ params: { id } }, { exclusions }) {
    const lifted = await exclusions.unban(id);
    if (!lifted.ok) return lifted;
    return lifted.value ? succeed({ userId: id }) : refuse('not_found', 'id: there is no ban of this user');
  },
});

const revoke = route({
  method: 'POST',
  path: '/api/v1/users/:id/revoke',
  operationId: 'revokeTokens',
  summary:
    'Voids tokens of a user for 366 days, and ends the connections that have one. Without fields: all tokens issued up to now.',
  namespaced: false,
  params: ofUser,
  body: z
    .object({
      before: z
        .number()
        .int()
        .min(0)
        .optional()
        .describe(
          'Ms since 1970, not later than now: tokens with an earlier `iat`, in whole seconds, or without one.',
        ),
      jti: payloads
        .wellFormed(z.string().min(1).max(payloads.MAX_TOKEN_CHARS))
        .optional()
        .describe('The one token with this `jti`, instead of `before`.'),
    })
    .refine(({ before, jti }) => before === undefined || jti === undefined, {
      path: ['jti'],
      message: 'must not stand beside before',
    }),
  answer: z.object({
    userId: z.string(),
    before: z.number().int().optional(),
    jti: z.string().optional(),
  }),
  async run({ params: { id }, body: { jti, before } }, { exclusions, now }) {
    const at = Math.floor(now());
    if (before !== undefined && before > at)
      return refuse('bad_request', 'before: must not be later than now');
    const tokens = jti === undefined ? { before: before ?? at } : { jti };
    const revoked = await exclusions.revoke(id, tokens);
    return revoked.ok ? succeed({ userId: id, ...tokens }) : revoked;
  },
});

export const USER_ROUTES: readonly ApiRoute[] = [one, exported, disconnect, ban, unban, revoke];
