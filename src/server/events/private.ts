import { dedupeScope } from '../../chat/identity.ts';
import type { Sender } from '../../chat/inbox/direct-messages.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { Payload } from '../../protocol/payloads.ts';
import type { ChatContext, EventHandler } from '../context.ts';
import type { Session } from '../session.ts';
import { findByNickname } from './nicknames.ts';
import { memberIn } from './room-access.ts';

/** Called `privately`, as `private` is a reserved word. */
export const privateMessage: EventHandler<'private'> = {
  // The mode is not `pipelined`: a later message must not overtake this one while it looks a nickname up.
  mode: 'inTurn',
  says: true,
  stores: 2,
  async run(session, payload, context) {
    const { socket, user: from } = session;
    const { text, clientMsgId } = payload;
    if (Buffer.byteLength(text) > context.limits.maxTextBytes) {
      return refuse('too_large', `text: must not be longer than ${context.limits.maxTextBytes} bytes`);
    }
    const to = await receiverOf(session, payload, context);
    if (!to.ok) return to;
    const message = {
      nsp: socket.nsp.name,
      from,
      to: to.value,
      scope: dedupeScope(session.identity),
      clientMsgId,
    };
    const sent = await context.directMessages.sendPrivate(message, text, senderOf(session));
    if (sent.ok) context.metrics.saidPrivately(text);
    return sent;
  },
};

export function senderOf({ socket, memberships }: Pick<Session, 'socket' | 'memberships'>): Sender {
  return { socketId: socket.id, rooms: Array.from(memberships.values(), ({ room }) => room) };
}

async function receiverOf(
  session: Session,
  { to, toName, roomid = session.defaultRoom }: Payload<'private'>,
  { roster }: ChatContext,
): Promise<Outcome<string>> {
  if (to !== undefined) return succeed(to);
  const joined = memberIn(session, roomid, 'say');
  if (!joined.ok) return joined;
  const found = await findByNickname(
    { rooms: [joined.value.room], name: toName ?? '', field: 'toName' },
    roster,
  );
  return found.ok ? succeed(found.value.userId) : found;
}
