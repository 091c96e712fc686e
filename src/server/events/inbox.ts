import { inboxOf } from '../../chat/room.ts';
import { succeed } from '../../protocol/codes.ts';
import type { EventHandler } from '../context.ts';

export const inboxList: EventHandler<'inbox:list'> = {
  mode: 'inTurn',
  async run({ socket, user }, { before, limit }, { announcements, inboxView }) {
    const inbox = inboxOf(socket.nsp.name, user.id);
    // The list shows announcements under the inbox's own numbers, so new ones are copied into the inbox first.
    const copied = await announcements.copyInto(inbox);
    if (!copied.ok) return copied;
    return inboxView.list(inbox, { limit, before });
  },
};

export const inboxAck: EventHandler<'inbox:ack'> = {
  mode: 'inTurn',
  async run({ socket, user }, { recv, read }, { inboxes, announcements }) {
    const inbox = inboxOf(socket.nsp.name, user.id);
    const copied = await announcements.copyInto(inbox);
    if (!copied.ok) return copied;
    const raised = await inboxes.raise(inbox, { recv, read });
    return raised.ok ? succeed({ recvSeq: raised.value.recv, readSeq: raised.value.read }) : raised;
  },
};
