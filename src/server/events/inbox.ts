import type { Party } from '../../chat/inbox/message-receipts.ts';
import { inboxOf } from '../../chat/room.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import type { EventHandler } from '../context.ts';
import type { Session } from '../session.ts';

export const inboxList: EventHandler<'inbox:list'> = {
  mode: 'inTurn',
  async run({ socket, user, identity }, { before, limit }, { announcements, inboxView }) {
    const inbox = inboxOf(socket.nsp.name, user.id);
    // The list shows announcements under the inbox's own numbers, so new ones are copied into the inbox first.
    const copied = await announcements.copyInto(inbox);
    if (!copied.ok) return copied;
    return inboxView.list(inbox, { limit, before }, identity.access);
  },
};

export const inboxAck: EventHandler<'inbox:ack'> = {
  mode: 'inTurn',
  async run(session, { recv, read }, { inboxes, announcements, receipts }) {
    const { socket, user } = session;
    const inbox = inboxOf(socket.nsp.name, user.id);
    const copied = await announcements.copyInto(inbox);
    if (!copied.ok) return copied;
    const raised = await inboxes.raise(inbox, { recv, read });
    if (!raised.ok) return raised;
    receipts.acknowledged(partyOf(session), raised.value);
    return succeed({ recvSeq: raised.value.recv, readSeq: raised.value.read });
  },
};

export const receiptsList: EventHandler<'receipts:list'> = {
  mode: 'inTurn',
  says: true,
  async run(session, _payload, { messageReceipts }) {
    const found = await messageReceipts.ofSender(partyOf(session), (peers) => {
      const waitMs = session.takeMoreSayTokens(peers);
      return waitMs === 0 ? undefined : refuse('rate_limited', 'too many lists of receipts', waitMs);
    });
    return found.ok ? succeed({ receipts: found.value }) : found;
  },
};

function partyOf({ socket, user, memberships }: Session): Party {
  const rooms = Array.from(memberships.values(), ({ room }) => room);
  return { nsp: socket.nsp.name, userId: user.id, rooms };
}
