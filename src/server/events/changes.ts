import { tooLarge } from '../../chat/content-size.ts';
import { contentDigest, type DedupeKey } from '../../chat/dedupe.ts';
import { dedupeScope } from '../../chat/identity.ts';
import type { MessageChange } from '../../chat/message-changes.ts';
import { type Outcome, type Refusal, succeed } from '../../protocol/codes.ts';
import type { SayAck } from '../../protocol/rooms.ts';
import type { ChatContext, EventHandler } from '../context.ts';
import { deletion, edit as editOf, reaction } from '../message-decisions.ts';
import type { Membership, Session } from '../session.ts';
import { toAck } from './outgoing-message.ts';
import { memberIn, notJoined } from './room-access.ts';

/** Changes of a message by one of its room's members. Each waits for its turn, because it reads the message first. */
export const edit: EventHandler<'edit'> = {
  mode: 'inTurn',
  says: true,
  stores: 1,
  async run(session, payload, context, _answer, permit) {
    const joined = memberIn(session, payload.roomid ?? session.defaultRoom, 'say');
    if (!joined.ok) return joined;
    const refusal = tooLarge(payload, context.limits) ?? (await muted(session, joined.value, context));
    if (refusal) return refusal;
    const { seq, text, data, clientMsgId } = payload;
    const membership = joined.value;
    const { room } = membership;
    const by = authorOf(session);
    const dedupe = dedupeOf(session, clientMsgId, ['edit', seq, text, data]);
    function store(content: Pick<typeof payload, 'text' | 'data'>) {
      const decide = editOf({ roomid: room.roomid, by, own: true, ...content, clientMsgId });
      return apply(session, membership, context, { seq, decide, dedupe, author: by.userId });
    }
    const { beforeSay } = context;
    if (!beforeSay) return store({ text, data });
    const about = { seq, clientMsgId };
    const question = { type: 'before_edit', room, user: by, content: { text, data }, about, dedupe } as const;
    return beforeSay.review({ connection: session, permit }, question, async (content) =>
      session.memberships.get(room.roomid) === membership ? store(content) : notJoined(room.roomid),
    );
  },
};

const remove: EventHandler<'delete'> = {
  mode: 'inTurn',
  says: true,
  stores: 1,
  async run(session, payload, context) {
    const { seq, clientMsgId, roomid = session.defaultRoom } = payload;
    const moderates = session.identity.access.rightsIn(roomid).includes('moderate');
    const joined = memberIn(session, roomid, moderates ? 'moderate' : 'say');
    if (!joined.ok) return joined;
    const refusal = moderates ? await banned(session, joined.value, context) : undefined;
    if (refusal) return refusal;
    const by = authorOf(session);
    const decide = deletion({ roomid, by, own: !moderates, clientMsgId });
    const dedupe = dedupeOf(session, clientMsgId, ['delete', seq]);
    return apply(session, joined.value, context, { seq, decide, dedupe });
  },
};

export { remove as delete };

export const react: EventHandler<'react'> = {
  mode: 'inTurn',
  says: true,
  stores: 1,
  async run(session, payload, context) {
    const joined = memberIn(session, payload.roomid ?? session.defaultRoom, 'react');
    if (!joined.ok) return joined;
    const refusal = await muted(session, joined.value, context);
    if (refusal) return refusal;
    const by = authorOf(session);
    const { seq, reaction: chosen, on } = payload;
    const decide = reaction({ roomid: joined.value.room.roomid, by, reaction: chosen, on });
    return apply(session, joined.value, context, { seq, decide, author: by.userId });
  },
};

const authorOf = ({ user }: Session) => ({ userId: user.id, username: user.name });

function dedupeOf(
  { identity }: Session,
  clientMsgId: string | undefined,
  content: readonly unknown[],
): DedupeKey | undefined {
  if (clientMsgId === undefined) return undefined;
  return { scope: dedupeScope(identity), clientMsgId, content: contentDigest(...content) };
}

/** A mute that the connection brings along. The store checks the mutes of the user. */
async function muted(session: Session, membership: Membership, { enforcement }: ChatContext) {
  const carried = enforcement.connectionRefusal(session, membership.room);
  return (carried && (await carried)) ?? gone(session, membership);
}

/** The store does not check who deletes, since the muted may; a worker may have missed a moderator's ban. */
async function banned(session: Session, membership: Membership, { enforcement }: ChatContext) {
  return (await enforcement.banOf(membership.room, session.user.id)) ?? gone(session, membership);
}

function gone({ memberships }: Session, membership: Membership): Refusal | undefined {
  const { roomid } = membership.room;
  return memberships.get(roomid) === membership ? undefined : notJoined(roomid);
}

async function apply(
  { user, budget }: Session,
  { room }: Membership,
  { changes, enforcement }: ChatContext,
  change: Omit<MessageChange, 'room'>,
): Promise<Outcome<SayAck>> {
  // The store may refuse for a mute or ban that this worker has not heard of.
  const onRestricted = () => enforcement.onRefused(room, user.id);
  const onRewritten = (bytes: number) => budget.traffic.chargeBytes(bytes);
  const applied = await changes.apply({ room, ...change, onRestricted, onRewritten });
  return applied.ok ? succeed(toAck(room, applied.value)) : applied;
}
