import * as z from 'zod';
import type { Restriction } from '../../chat/moderation.ts';
import { roomOf } from '../../chat/room.ts';
import { succeed } from '../../protocol/codes.ts';
import { roomid, seconds, until, userId } from './fields.ts';
import { type ApiRoute, route } from './route.ts';

const ofRoom = z.object({ roomid });
const ofRestricted = z.object({ roomid, userId });
const moderated = z.object({ userId: z.string(), roomid: z.string() });
const kick = route({
  method: 'POST',
  path: '/api/v1/rooms/:roomid/kick',
  operationId: 'kickUser',
  summary: 'Removes a user from a room, on all workers. The user may join again at once.',
  params: ofRoom,
  body: z.object({ userId }),
  answer: moderated,
  async run({ nsp, params, body }, { moderator }) {
    const kicked = await moderator.moderate(roomOf(nsp, params.roomid), { action: 'kick', ...body });
    return kicked.ok ? succeed({ userId: body.userId, roomid: params.roomid }) : kicked;
  },
});

function restricting(kind: Restriction, operationId: string, summary: string): ApiRoute {
  return route({
    method: 'POST',
    path: `/api/v1/rooms/:roomid/${kind}`,
    operationId,
    summary,
    params: ofRoom,
    body: z.object({ userId, seconds }),
    answer: moderated.extend({ until }),
    async run({ nsp, params, body }, { moderator }) {
      const restricted = await moderator.moderate(roomOf(nsp, params.roomid), { action: kind, ...body });
      if (!restricted.ok) return restricted;
      return succeed({ userId: body.userId, roomid: params.roomid, ...restricted.value });
    },
  });
}

const ban = restricting(
  'ban',
  'banUser',
  'Takes a user out of a room and lets them neither join nor say anything there.',
);

const mute = restricting('mute', 'muteUser', 'Lets a user say nothing in a room. They stay in it.');

function lifting(kind: Restriction, operationId: string, summary: string): ApiRoute {
  return route({
    method: 'DELETE',
    path: `/api/v1/rooms/:roomid/${kind}/:userId`,
    operationId,
    summary,
    params: ofRestricted,
    answer: moderated,
    async run({ nsp, params: { roomid: id, userId: of } }, { moderator }) {
      const lifted = await moderator.moderate(roomOf(nsp, id), { action: `un${kind}`, userId: of });
      return lifted.ok ? succeed({ userId: of, roomid: id }) : lifted;
    },
  });
}

const unban = lifting('ban', 'unbanUser', 'Lets a banned user join again.');
const unmute = lifting('mute', 'unmuteUser', 'Lets a muted user say something again.');

export const MODERATION_ROUTES: readonly ApiRoute[] = [kick, ban, unban, mute, unmute];
