import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { SendAck, User } from '../../protocol/people.ts';
import { contentDigest } from '../dedupe.ts';
import type { Appended, RoomLogs } from '../log-store.ts';
import { inboxOf, type Room } from '../room.ts';
import type { Roster } from '../roster.ts';
import { draftOf, type OutgoingItem } from './items.ts';

export interface DirectMessagesDeps {
  readonly logs: RoomLogs;
  readonly roster: Pick<Roster, 'connections' | 'isInAny'>;
  readonly newId: () => string;
  /** This worker appended to that inbox: to look for the item if the bus does not bring it. */
  readonly onAppended: (nsp: string, userId: string, appended: Appended) => void;
}

/** From one person to another. */
export interface DirectMessage {
  readonly nsp: string;
  readonly from: User;
  /** A user id, whether that user was ever seen or not. */
  readonly to: string;
  readonly clientMsgId?: string;
  /** Whose clientMsgIds are remembered together. */
  readonly scope: string;
}

/** The connection a message is sent by. */
export interface Sender {
  readonly socketId: string;
  /** It is in these. Whether somebody is there now is told to who shares a room with them: `live` is 0 for others. */
  readonly rooms: readonly Room[];
}

/** What people send one another: stored in the receiver's inbox first, which then brings it to all connections. */
export interface DirectMessages {
  /** The sender's inbox gets it as well, for their other connections. */
  sendPrivate(message: DirectMessage, text: string, sender: Sender): Promise<Outcome<SendAck>>;
  /** `json`: the todo's text. */
  sendTodo(message: DirectMessage, json: string): Promise<Outcome<SendAck>>;
}

const MEETING = succeed(true);

export function createDirectMessages({
  logs,
  roster,
  newId,
  onAppended,
}: DirectMessagesDeps): DirectMessages {
  async function store(
    nsp: string,
    owner: string,
    item: OutgoingItem,
    more: Parameters<typeof draftOf>[1],
  ): Promise<Outcome<Appended>> {
    const appended = await logs.append(inboxOf(nsp, owner), draftOf(item, more));
    if (appended.ok && !appended.value.dup) onAppended(nsp, owner, appended.value);
    return appended;
  }

  async function send(
    message: DirectMessage,
    item: OutgoingItem,
    sender?: Sender,
  ): Promise<Outcome<SendAck>> {
    const { nsp, from, to } = message;
    const left = to === from.id && sender ? { except: sender.socketId } : {};
    const meet = to === from.id || !sender ? MEETING : roster.isInAny(sender.rooms, to);
    const [stored, reached, met] = await Promise.all([
      store(nsp, to, item, { ...left, ...dedupeOf('to', item, message) }),
      roster.connections([inboxOf(nsp, to)]),
      meet,
    ]);
    if (!stored.ok) return stored;
    const { id, seq, at, dup } = stored.value;
    const connections = reached.ok && met.ok && met.value ? (reached.value[0] ?? 0) : 0;
    const live = Math.max(0, connections - ('except' in left ? 1 : 0));
    return succeed({ id, seq, at, live, ...(dup ? { dup } : {}) });
  }

  return {
    async sendPrivate(message, text, sender) {
      const { nsp, from, to, clientMsgId } = message;
      const item: OutgoingItem = { id: newId(), kind: 'private', from, json: JSON.stringify({ to, text }) };
      const posted = await send(message, item, sender);
      if (!posted.ok || to === from.id) return posted;
      // Under the receiver's id, so that a repetition finds both.
      const copy = { ...item, id: posted.value.id };
      const kept = await store(nsp, from.id, copy, {
        except: sender.socketId,
        ...dedupeOf('of', item, message),
      });
      // With a clientMsgId the sender tries again and both are stored once; without, a second try would be a
      // second message, and the first has arrived.
      return kept.ok || clientMsgId === undefined ? posted : kept;
    },
    sendTodo: (message, json) => send(message, { id: newId(), kind: 'todo', from: message.from, json }),
  };
}

/** A message and the sender's copy of another never answer for each other. */
function dedupeOf(
  side: 'to' | 'of',
  { kind, json }: OutgoingItem,
  { scope, to, clientMsgId }: DirectMessage,
) {
  if (clientMsgId === undefined) return {};
  const content = contentDigest(json);
  return { dedupe: { scope: [side, kind, to, scope].join('\0'), clientMsgId, content } };
}
