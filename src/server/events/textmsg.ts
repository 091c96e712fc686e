import { socketRoom } from '../../backend/socket-room.ts';
import { tooLarge } from '../../chat/content-size.ts';
import { inboxOf, type RoomKind, roomOf } from '../../chat/room.ts';
import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { Payload } from '../../protocol/payloads.ts';
import type { ChatContext, EventHandler } from '../context.ts';
import type { Session } from '../session.ts';
import { rename, renamed, reservedName } from './naming.ts';
import { findByNickname } from './nicknames.ts';
import { denied, notJoined } from './room-access.ts';

/** The rosters of the users who get a room's `textmsg`: its members, and the audience that has not joined it. */
const KINDS: readonly RoomKind[] = ['room', 'lounge'];

type NamedText = Exclude<Payload<'textmsg'>, string>;

export const textmsg: EventHandler<'textmsg'> = {
  // The mode is not `pipelined`: a later message must not overtake this one while it looks a nickname up.
  mode: 'inTurn',
  says: true,
  async run(session, message, context, _answer, permit) {
    const { limits, beforeSay } = context;
    const [field, text] = typeof message === 'string' ? ['text', message] : ['content', message.content];
    const absent =
      (typeof message === 'string' ? undefined : reservedName(message.name, 'name', context)) ??
      mayWrite(session);
    if (absent) return absent;
    if (tooLarge({ text }, limits)) {
      return refuse('too_large', `${field}: must not be longer than ${limits.maxTextBytes} bytes`);
    }
    const restricted = await restrictedIn(session, context);
    if (restricted) return restricted;
    if (!beforeSay) return tell(session, message, context);
    const { socket, user, defaultRoom } = session;
    const question = {
      type: 'before_textmsg',
      room: roomOf(socket.nsp.name, defaultRoom),
      user: { userId: user.id, username: user.name },
      content: { text },
      about: typeof message === 'string' ? {} : { to: message.to },
      dedupe: undefined,
    } as const;
    return beforeSay.review({ connection: session, permit }, question, async ({ text: allowed = '' }) => {
      // A `textmsg` has no data that could be left of it.
      if (allowed === '') return refuse('forbidden', 'the message was refused');
      const refusal = mayWrite(session) ?? (await restrictedIn(session, context));
      const told = typeof message === 'string' ? allowed : { ...message, content: allowed };
      return refusal ?? tell(session, told, context);
    });
  },
};

function mayWrite(session: Session): Refusal | undefined {
  const { defaultRoom, hearsTextmsg, memberships } = session;
  const refusal = denied(session, defaultRoom, 'say');
  if (refusal) return refusal;
  return hearsTextmsg || memberships.has(defaultRoom) ? undefined : notJoined(defaultRoom);
}

/** `textmsg` is not appended to a log, so no script of the store checks bans and mutes. */
async function restrictedIn(session: Session, context: ChatContext): Promise<Refusal | undefined> {
  const room = roomOf(session.socket.nsp.name, session.defaultRoom);
  return (
    (await context.enforcement.refusalOf(room, session.user.id)) ??
    (await context.enforcement.connectionRefusal(session, room)) ??
    (await context.connectionBans.check(session, room))
  );
}

async function tell(session: Session, message: string | NamedText, context: ChatContext) {
  const { textmsgAudience } = context;
  if (typeof message === 'string') return textmsgAudience.broadcast(session, message);
  // Names come before the lookup of the receiver: two users who write only to each other must get theirs, too.
  if (textmsgAudience.introduces(session)) {
    const { name: username, avatar } = message;
    await rename(session, renamed(session, { username, avatar }), context);
  }
  return message.to === undefined
    ? textmsgAudience.broadcast(session, textOf(session, message))
    : tellOne(session, { ...message, to: message.to }, context);
}

/** The server sets the sender's name, so that no client writes under another's name. */
function textOf({ user: { name, avatar } }: Session, { content }: NamedText) {
  return { name, avatar, content };
}

async function tellOne(
  session: Session,
  message: NamedText & { readonly to: string },
  context: ChatContext,
): Promise<Outcome<{ live: number }>> {
  const { to } = message;
  const { socket, user, defaultRoom } = session;
  const rooms = KINDS.map((kind) => roomOf(socket.nsp.name, defaultRoom, kind));
  const found = await findByNickname({ rooms, name: to, field: 'to' }, context.roster);
  if (!found.ok) return found;
  const { inbox, live } = found.value;
  const own = inboxOf(socket.nsp.name, user.id);
  const receivers = socket.nsp.to([socketRoom(inbox), socketRoom(own)]);
  const others = inbox.tag === own.tag ? receivers : receivers.except(socket.id);
  others.emit('textmsg', { ...textOf(session, message), to });
  return succeed({ live });
}
