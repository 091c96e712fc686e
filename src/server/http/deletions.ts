import * as z from 'zod';
import { inboxOf, roomOf } from '../../chat/room.ts';
import { succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import { messageOf } from '../delivery/messages.ts';
import { deletion } from '../message-decisions.ts';
import { count, roomid, userId, wholeNumber } from './fields.ts';
import { type ApiRoute, route } from './route.ts';

const seq = wholeNumber(1, Number.MAX_SAFE_INTEGER);

const deleteMessage = route({
  method: 'DELETE',
  path: '/api/v1/rooms/:roomid/messages/:seq',
  operationId: 'deleteMessage',
  summary:
    'Deletes a message of a room. Its position stays, empty and marked as deleted; an entry of the log announces it.',
  params: z.object({ roomid, seq }),
  answer: z.object({ roomid: z.string(), seq: count }),
  async run({ nsp, params }, { logs, changes }) {
    const room = roomOf(nsp, params.roomid);
    const { roomid: id, seq: wanted } = params;
    const decide = deletion({ roomid: room.roomid });
    const deleted = await changes.apply({ room, seq: wanted, decide });
    if (deleted.ok) return succeed({ roomid: id, seq: wanted });
    if (deleted.error.code !== 'not_found') return deleted;
    // It is answered the same as often as it is called.
    const page = await logs.read(room, { after: wanted - 1, limit: 1, maxBytes: MAX_PAGE_BYTES });
    if (!page.ok) return page;
    const [entry] = page.value.entries;
    const message = entry?.seq === wanted ? messageOf(entry) : undefined;
    const wasDeleted = message?.event === 'broadcast_say' && message.deleted;
    return wasDeleted ? succeed({ roomid: id, seq: wanted }) : deleted;
  },
});

const eraseUser = route({
  method: 'DELETE',
  path: '/api/v1/users/:id',
  operationId: 'eraseUser',
  summary:
    'Erases a user’s inbox, its markers, the user’s list of rooms and of blocked users. Connections and messages in rooms stay.',
  params: z.object({ id: userId }),
  answer: z.object({ userId: z.string() }),
  async run({ nsp, params: { id } }, { inboxes, compareInbox }) {
    const erased = await inboxes.erase(inboxOf(nsp, id));
    if (!erased.ok) return erased;
    // An erasure is no entry of the log, so connected devices get the empty inbox only from a comparison.
    await compareInbox(nsp, id);
    return succeed({ userId: id });
  },
});

export const DELETION_ROUTES: readonly ApiRoute[] = [deleteMessage, eraseUser];
