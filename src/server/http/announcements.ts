import * as z from 'zod';
import { announcementsOf } from '../../chat/room.ts';
import { succeed } from '../../protocol/codes.ts';
import { MAX_ANNOUNCE_ROOMS } from '../../protocol/limits.ts';
import { at, count, data, roomid, tooLong } from './fields.ts';
import { type ApiRoute, route } from './route.ts';

const announce = route({
  method: 'POST',
  path: '/api/v1/announce',
  operationId: 'announce',
  summary:
    'Announces something to everybody, to absent users at their next login; or to the members of some rooms, live only.',
  body: z.object({
    data,
    rooms: z
      .array(roomid)
      .min(1, { error: 'must hold a room; leave it out to tell everybody' })
      .max(MAX_ANNOUNCE_ROOMS, { error: `must not hold more than ${MAX_ANNOUNCE_ROOMS} rooms` })
      .optional()
      .describe('Each connection gets it once, in however many of the rooms it is.'),
  }),
  answer: z.object({
    id: z.string(),
    at,
    seq: count.optional().describe('The position among the announcements to everybody.'),
    rooms: count.optional().describe('The number of different rooms that got it.'),
  }),
  async run({ nsp, operation, body: { data: json, rooms } }, context) {
    const { announcements, feeds, limits, newId, now } = context;
    const refusal = tooLong(json, limits.maxTextBytes);
    if (refusal) return refusal;
    if (rooms === undefined) {
      const announced = await announcements.announce(nsp, json, operation);
      if (!announced.ok) return announced;
      feeds.expectEcho(announcementsOf(nsp), announced.value);
      const { id, seq, at: when } = announced.value;
      return succeed({ id, seq, at: when });
    }
    const roomids = [...new Set(rooms)];
    const announcement = { id: operation ?? newId(), at: now(), data: JSON.parse(json) as unknown };
    const sent = context.announceIn(nsp, roomids, announcement);
    return sent.ok ? succeed({ id: announcement.id, at: announcement.at, rooms: roomids.length }) : sent;
  },
});

export const ANNOUNCEMENT_ROUTES: readonly ApiRoute[] = [announce];
