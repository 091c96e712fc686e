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
  /** This worker has appended to that inbox: the feed looks for the item if the bus does not bring it. */
  readonly onAppended: (nsp: string, userId: string, appended: Appended) => void;
}

/** A message from one user to another. */
export interface DirectMessage {
  readonly nsp: string;
  readonly from: User;
  /** The receiver's user id; the user need not have connected before. */
  readonly to: string;
  readonly clientMsgId?: string;
  /** Each scope has its own `clientMsgId`s. */
  readonly scope: string;
}

/** The connection that sends a message. */
export interface Sender {
  readonly socketId: string;
  /** The rooms it has joined. A receiver who shares none of them gets `live: 0`, so that presence stays private. */
  readonly rooms: readonly Room[];
}

/**
 * Messages between users. The receiver's inbox stores a message first and then delivers it to every connection. It is
 * `forbidden` if the receiver has blocked the sender.
 */
export interface DirectMessages {
  /** Stores a copy in the sender's inbox as well, for the sender's other connections. */
  sendPrivate(message: DirectMessage, text: string, sender: Sender): Promise<Outcome<SendAck>>;
  /** `json` is the todo as JSON text. */
  sendTodo(message: DirectMessage, json: string): Promise<Outcome<SendAck>>;
}

const VISIBLE = succeed(true);

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
    const excluded = to === from.id && sender ? { except: sender.socketId } : {};
    const author = to === from.id ? {} : ({ author: from.id, bounded: true } as const);
    const visible = to === from.id || !sender ? VISIBLE : roster.isInAny(sender.rooms, to);
    const [stored, reached, seen] = await Promise.all([
      store(nsp, to, item, { ...excluded, ...author, ...dedupeOf('to', item, message) }),
      roster.connections([inboxOf(nsp, to)]),
      visible,
    ]);
    if (!stored.ok) return stored;
    const { id, seq, at, dup } = stored.value;
    const connections = reached.ok && seen.ok && seen.value ? (reached.value[0] ?? 0) : 0;
    const live = Math.max(0, connections - ('except' in excluded ? 1 : 0));
    return succeed({ id, seq, at, live, ...(dup ? { dup } : {}) });
  }

  return {
    async sendPrivate(message, text, sender) {
      const { nsp, from, to, clientMsgId } = message;
      const item: OutgoingItem = { id: newId(), kind: 'private', from, json: JSON.stringify({ to, text }) };
      const sent = await send(message, item, sender);
      if (!sent.ok || to === from.id) return sent;
      // Both carry one id, so that a repetition finds both.
      const copy = { ...item, id: sent.value.id, receiverSeq: sent.value.seq };
      const copied = await store(nsp, from.id, copy, {
        except: sender.socketId,
        ...dedupeOf('of', item, message),
      });
      // The sender can retry with a clientMsgId, and both copies are then stored once. A retry without one would be a
      // second message, and the first has arrived.
      return copied.ok || clientMsgId === undefined ? sent : copied;
    },
    sendTodo: (message, json) => send(message, { id: newId(), kind: 'todo', from: message.from, json }),
  };
}

/** The scope of the sender's `clientMsgId`s in the receiver's inbox. */
export function directMessageScope(kind: 'private' | 'todo', to: string, senderScope: string): string {
  return sideScope('to', kind, to, senderScope);
}

function sideScope(side: 'to' | 'of', kind: string, to: string, senderScope: string): string {
  return [side, kind, to, senderScope].join('\0');
}

/** Each side has its own keys: a message never counts as a repetition of a sender's copy. */
function dedupeOf(
  side: 'to' | 'of',
  { kind, json }: OutgoingItem,
  { scope, to, clientMsgId }: DirectMessage,
) {
  if (clientMsgId === undefined) return {};
  const content = contentDigest(json);
  return { dedupe: { scope: sideScope(side, kind, to, scope), clientMsgId, content } };
}
