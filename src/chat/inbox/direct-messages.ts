import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { SendAck, User } from '../../protocol/people.ts';
import { contentDigest } from '../dedupe.ts';
import type { Appended, Position, RoomLogs } from '../log-store.ts';
import { inboxOf, type Room } from '../room.ts';
import type { Roster } from '../roster.ts';
import { draftOf, type OutgoingItem } from './items.ts';

/** `all`: the ack of a todo tells every sender what that of a private message tells only those in a room with the receiver. */
export type TodoLive = 'all' | 'rooms';

export interface DirectMessagesDeps {
  readonly logs: RoomLogs;
  readonly roster: Pick<Roster, 'connections' | 'isInAny'>;
  readonly todoLive: TodoLive;
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
  /**
   * The rooms it has joined. To a receiver who is in none of them the sender is a stranger, whose ack has 0 for `seq` and `live`:
   * they would tell who exists, how much others write there, and who is connected.
   */
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
  sendTodo(message: DirectMessage, json: string, sender: Sender): Promise<Outcome<SendAck>>;
}

interface Sent {
  readonly ack: SendAck;
  /** The position in the receiver's inbox, also where the ack does not tell it. */
  readonly position: Position;
}

interface Delivery {
  /** This connection is left out if the message is for its own user. */
  readonly except?: string;
  /** Only somebody in one of these rooms is no stranger; absent: nobody is one. */
  readonly rooms?: readonly Room[];
}

const KNOWN = succeed(true);

export function createDirectMessages({
  logs,
  roster,
  todoLive,
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
    { except, rooms }: Delivery,
  ): Promise<Outcome<Sent>> {
    const { nsp, from, to } = message;
    const toOneself = to === from.id;
    const excluded = toOneself && except !== undefined ? { except } : {};
    const author = toOneself ? {} : ({ author: from.id, bounded: true } as const);
    // Everything is asked for in any case, so that the time of an answer tells no more than its content.
    const [stored, reached, known] = await Promise.all([
      store(nsp, to, item, { ...excluded, ...author, ...dedupeOf('to', item, message) }),
      roster.connections([inboxOf(nsp, to)]),
      toOneself || !rooms ? KNOWN : roster.isInAny(rooms, to),
    ]);
    if (!stored.ok) return stored;
    const { id, epoch, seq, at, dup } = stored.value;
    const position = { epoch, seq };
    const again = dup ? { dup } : {};
    if (!known.ok || !known.value) return succeed({ position, ack: { id, seq: 0, at, live: 0, ...again } });
    const connections = reached.ok ? (reached.value[0] ?? 0) : 0;
    const live = Math.max(0, connections - ('except' in excluded ? 1 : 0));
    return succeed({ position, ack: { id, seq, at, live, ...again } });
  }

  return {
    async sendPrivate(message, text, sender) {
      const { nsp, from, to, clientMsgId } = message;
      const item: OutgoingItem = { id: newId(), kind: 'private', from, json: JSON.stringify({ to, text }) };
      const sent = await send(message, item, { except: sender.socketId, rooms: sender.rooms });
      if (!sent.ok) return sent;
      const { ack, position } = sent.value;
      if (to === from.id) return succeed(ack);
      // Both carry one id, so that a repetition finds both.
      const copy = { ...item, id: ack.id, receiverSeq: position.seq, receiverEpoch: position.epoch };
      const copied = await store(nsp, from.id, copy, {
        except: sender.socketId,
        ...dedupeOf('of', item, message),
      });
      // The sender can retry with a clientMsgId, and both copies are then stored once. A retry without one would be a
      // second message, and the first has arrived.
      return copied.ok || clientMsgId === undefined ? succeed(ack) : copied;
    },
    async sendTodo(message, json, { rooms }) {
      const item: OutgoingItem = { id: newId(), kind: 'todo', from: message.from, json };
      const sent = await send(message, item, todoLive === 'all' ? {} : { rooms });
      return sent.ok ? succeed(sent.value.ack) : sent;
    },
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
