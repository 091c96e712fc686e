import { inboxOf } from '../../chat/room.ts';
import { succeed } from '../../protocol/codes.ts';
import type { EventHandler } from '../context.ts';

export const inboxList: EventHandler<'inbox:list'> = {
  mode: 'inTurn',
  async run({ socket, user }, { before, limit }, { announcements: news, inboxView: shown }) {
    const inbox = inboxOf(socket.nsp.name, user.id);
    // The list shows announcements under numbers of the inbox, so those of meanwhile are put into it first.
    const folded = await news.copyInto(inbox);
    if (!folded.ok) return folded;
    return shown.list(inbox, { limit, before });
  },
};

export const inboxAck: EventHandler<'inbox:ack'> = {
  mode: 'inTurn',
  async run({ socket, user }, { recv, read }, { inboxes, announcements: news }) {
    const inbox = inboxOf(socket.nsp.name, user.id);
    const folded = await news.copyInto(inbox);
    if (!folded.ok) return folded;
    const raised = await inboxes.raise(inbox, { recv, read });
    return raised.ok ? succeed({ recvSeq: raised.value.recv, readSeq: raised.value.read }) : raised;
  },
};
