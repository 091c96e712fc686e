import * as z from 'zod';
import { inboxOf, roomOf } from '../../chat/room.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import { deletionOf, messageOf, tombstoneOf } from '../delivery/messages.ts';
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
  async run({ nsp, params }, { logs, feeds, newId }) {
    const room = roomOf(nsp, params.roomid);
    const query = { after: params.seq - 1, limit: 1, maxBytes: MAX_PAGE_BYTES };
    const page = await logs.read(room, query);
    if (!page.ok) return page;
    const [entry] = page.value.entries;
    const notFound = refuse('not_found', 'seq: the room does not hold this message');
    const message = entry?.seq === params.seq ? messageOf(entry) : undefined;
    if (message?.event !== 'broadcast_say') return notFound;
    const replaced = await logs.replace(room, params.seq, tombstoneOf(message), {
      id: newId(),
      members: deletionOf(room, params.seq),
    });
    if (!replaced.ok) return replaced;
    if (!replaced.value) return notFound;
    const { notice } = replaced.value;
    if (notice) feeds.expectEcho(room, notice);
    return succeed({ roomid: params.roomid, seq: params.seq });
  },
});

const eraseUser = route({
  method: 'DELETE',
  path: '/api/v1/users/:id',
  operationId: 'eraseUser',
  summary:
    'Erases a user’s inbox, its markers and the user’s list of rooms. Connections and messages in rooms stay.',
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
