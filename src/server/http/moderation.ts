import * as z from 'zod';
import type { ActiveRestriction, Restriction } from '../../chat/moderation.ts';
import { type Room, roomOf } from '../../chat/room.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import type { ApiContext } from './api-context.ts';
import { roomid, userId } from './fields.ts';
import { type ApiRoute, route } from './route.ts';

/** Ten years; omit the duration for a restriction without an end. */
const MAX_SECONDS = 315_360_000;

const ofRoom = z.object({ roomid });
const ofRestricted = z.object({ roomid, userId });
const moderated = z.object({ userId: z.string(), roomid: z.string() });
const until = z.number().int().optional().describe('The end, ms since 1970; absent if it has no end.');
const seconds = z
  .number()
  .int()
  .min(1)
  .max(MAX_SECONDS)
  .optional()
  .describe('The duration; if absent, it holds until it is lifted. It replaces an earlier one.');

const kick = route({
  method: 'POST',
  path: '/api/v1/rooms/:roomid/kick',
  operationId: 'kickUser',
  summary: 'Removes a user from a room, on all workers. The user may join again at once.',
  params: ofRoom,
  body: z.object({ userId }),
  answer: moderated,
  async run({ nsp, params, body }, { enforcement }) {
    const removed = await enforcement.remove(roomOf(nsp, params.roomid), body.userId, { code: 'kicked' });
    return removed.ok ? succeed({ userId: body.userId, roomid: params.roomid }) : removed;
  },
});

function restricting(
  kind: Restriction,
  operationId: string,
  summary: string,
  notify: (
    enforcement: ApiContext['enforcement'],
    room: Room,
    userId: string,
    restricted: ActiveRestriction,
  ) => Promise<unknown>,
): ApiRoute {
  return route({
    method: 'POST',
    path: `/api/v1/rooms/:roomid/${kind}`,
    operationId,
    summary,
    params: ofRoom,
    body: z.object({ userId, seconds }),
    answer: moderated.extend({ until }),
    async run({ nsp, params, body }, { moderation, enforcement }) {
      const room = roomOf(nsp, params.roomid);
      const restricted = await moderation.restrict(room, body.userId, kind, body.seconds);
      if (!restricted.ok) return restricted;
      // Best effort: the store enforces the restriction on workers that this does not reach.
      await notify(enforcement, room, body.userId, restricted.value);
      return succeed({ userId: body.userId, roomid: params.roomid, ...restricted.value });
    },
  });
}

const ban = restricting(
  'ban',
  'banUser',
  'Takes a user out of a room and lets them neither join nor say anything there.',
  (enforcement, room, user, banned) => enforcement.remove(room, user, { code: 'banned', ...banned }),
);

const mute = restricting(
  'mute',
  'muteUser',
  'Lets a user say nothing in a room. They stay in it.',
  (enforcement, room, user, muted) => enforcement.mute(room, user, muted),
);

function lifting(kind: Restriction, operationId: string, summary: string): ApiRoute {
  return route({
    method: 'DELETE',
    path: `/api/v1/rooms/:roomid/${kind}/:userId`,
    operationId,
    summary,
    params: ofRestricted,
    answer: moderated,
    async run({ nsp, params }, { moderation }) {
      const lifted = await moderation.lift(roomOf(nsp, params.roomid), params.userId, kind);
      if (!lifted.ok) return lifted;
      if (!lifted.value) return refuse('not_found', `userId: there is no ${kind} of this user in this room`);
      return succeed({ userId: params.userId, roomid: params.roomid });
    },
  });
}

const unban = lifting('ban', 'unbanUser', 'Lets a banned user join again.');
const unmute = lifting('mute', 'unmuteUser', 'Lets a muted user say something again.');

export const MODERATION_ROUTES: readonly ApiRoute[] = [kick, ban, unban, mute, unmute];
