import { tooLarge } from '../../chat/content-size.ts';
import { dedupeScope } from '../../chat/identity.ts';
import type { Appended } from '../../chat/log-store.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { EventHandler } from '../context.ts';
import { personOf } from '../session.ts';
import { dedupeOf, type OutgoingMessage, storeMessage, toAck } from './outgoing-message.ts';
import { memberIn, notJoined } from './room-access.ts';

export const say: EventHandler<'say'> = {
  // An answer first reads the message that it answers, and one with mentions is noted first: what is said after it must not
  // overtake it.
  mode: ({ replyTo, mentions }) => (replyTo === undefined && !mentions?.length ? 'pipelined' : 'inTurn'),
  says: true,
  stores: 1,
  async run(session, payload, context, _answer, permit) {
    const { socket, memberships, user, identity, budget } = session;
    const { text, type, data, replyTo, mentions, clientMsgId, echo } = payload;
    const roomid = payload.roomid ?? session.defaultRoom;
    const joined = memberIn(session, roomid, 'say');
    if (!joined.ok) return joined;
    const membership = joined.value;
    const { room } = membership;
    const carried = context.enforcement.connectionRefusal(session, room);
    if (carried) {
      const muted = await carried;
      if (muted) return muted;
      if (memberships.get(roomid) !== membership) return notJoined(roomid);
    }
    const waitMs = mentions?.length ? session.takeMoreSayTokens(mentions.length) : 0;
    if (waitMs > 0) return refuse('rate_limited', 'too many mentions', waitMs);
    const message: OutgoingMessage = {
      room,
      from: personOf(user),
      text,
      type,
      data,
      replyTo,
      mentions,
      clientMsgId,
      scope: dedupeScope(identity),
      author: user.id,
      // The store keeps no read marker of a guest.
      reader: identity.guestToken === undefined ? session.binding?.inbox.tag : undefined,
      except: echo ? undefined : socket.id,
      onRewritten: replyTo === undefined ? undefined : (bytes) => budget.traffic.chargeBytes(bytes),
    };
    async function store(outgoing: OutgoingMessage): Promise<Outcome<Appended>> {
      const stored = await storeMessage(context, outgoing);
      if (!stored.ok && stored.error.code === 'forbidden') context.enforcement.onRefused(room, user.id);
      return stored;
    }
    const { beforeSay } = context;
    const refusal = beforeSay && tooLarge(message, context.limits);
    if (refusal) return refusal;
    const dedupe = beforeSay && dedupeOf(message);
    const question = {
      type: 'before_say',
      room,
      user: { userId: user.id, username: user.name },
      content: { text, data },
      about: { contentType: type, replyTo, mentions, clientMsgId },
      dedupe,
    } as const;
    const stored = await (beforeSay
      ? beforeSay.review({ connection: session, permit }, question, async (content) => {
          if (memberships.get(roomid) !== membership) return notJoined(roomid);
          return store({ ...message, ...content, dedupe });
        })
      : store(message));
    if (!stored.ok) return stored;
    if (!stored.value.dup) {
      membership.lastSay = stored.value;
      membership.read = Math.max(membership.read ?? 0, stored.value.seq);
    }
    return succeed(toAck(room, stored.value));
  },
};
