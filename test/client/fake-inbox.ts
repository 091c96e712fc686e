import type { Server, Socket } from 'socket.io';
import type { Item, ItemKind, PushMessage } from '../../src/protocol/people.ts';

type Ack = (answer: object) => void;

export interface PeoplePayload {
  readonly to?: string;
  readonly receiver_id?: string;
  readonly userId?: string;
  readonly recv?: number;
  readonly read?: number;
  readonly before?: number;
  readonly limit?: number;
  readonly token?: string;
}

type Payload = PeoplePayload & { readonly text: string; readonly clientMsgId: string };

interface Position {
  readonly epoch: string;
  readonly seq: number;
}

export interface FakeInbox {
  epoch: string;
  top: number;
  log: Item[];
  recv: number;
  read: number;
}

/** The inboxes of a fake server, in memory. */
export interface FakePeople {
  inbox(userId: string): FakeInbox;
  /** Stores an item and sends it to nobody. */
  keep(userId: string, data: unknown, more?: Partial<Item>): Item;
  /** Stores an item and sends it to its owner's connections, as the server does by its kind. */
  bring(userId: string, data: unknown, more?: Partial<Item>): Item;
  /** Binds the connection to the user. */
  bind(socket: Socket, userId: string): void;
  show(socket: Socket, from?: Position): void;
  readonly usual: Record<string, (socket: Socket, payload: Payload, ack: Ack) => void>;
}

const nameOf = (userId: string) => `user ${userId}`;

export function createFakePeople(io: Server): FakePeople {
  const inboxes = new Map<string, FakeInbox>();
  const answers = new Map<string, object>();
  let ids = 0;

  function inbox(userId: string): FakeInbox {
    const known = inboxes.get(userId) ?? { epoch: 'i1', top: 0, log: [], recv: 0, read: 0 };
    inboxes.set(userId, known);
    return known;
  }

  function keep(userId: string, data: unknown, more: Partial<Item> = {}): Item {
    const box = inbox(userId);
    box.top += 1;
    ids += 1;
    const kind: ItemKind = 'push';
    const item = { id: `item ${ids}`, seq: box.top, at: 1_000 + ids, kind, data, ...more };
    box.log.push(item);
    return item;
  }

  function send(userId: string, item: Item, except: string[] = []): void {
    const owners = io.to(nameOf(userId)).except(except);
    const { id, seq, at, kind, from, entityType, data } = item;
    const { epoch } = inbox(userId);
    if (kind === 'private') owners.emit('private', { id, seq, epoch, at, from, ...(data as object) });
    else if (kind === 'todo') owners.emit('todo_message', data, { id, seq, epoch, at });
    else if (kind === 'announcement') owners.emit('announcement', { id, seq, at, data });
    else {
      const said = kind === 'remind' ? { kind } : {};
      owners.emit('receive_message', { entityType, data, id, seq, ...said });
    }
  }

  function shown(userId: string, from?: Position): PushMessage {
    const { epoch, top, log, read } = inbox(userId);
    const recovered = from?.epoch === epoch && from.seq <= top;
    const items = log.filter(({ seq }) => !recovered || seq > from.seq);
    const isUnread = ({ seq, from: sender }: Item) => seq > read && sender?.id !== userId;
    const unread = items.filter(isUnread);
    const others = items.filter((item) => !isUnread(item));
    return { epoch, top, unread: unread.slice(-50), read: others.slice(-20), more: unread.length > 50 };
  }

  const userOf = (socket: Socket): string => socket.data.userId;
  const raise = (userId: string, { recv = 0, read = 0 }: PeoplePayload) => {
    const box = inbox(userId);
    box.read = Math.max(box.read, Math.min(read, box.top));
    box.recv = Math.max(box.recv, box.read, Math.min(recv, box.top));
    return { recvSeq: box.recv, readSeq: box.read };
  };

  function post(socket: Socket, to: string, item: Partial<Item>, payload: Payload, ack: Ack): void {
    const from = { id: userOf(socket), name: userOf(socket) };
    const key = `${from.id} ${to} ${payload.clientMsgId}`;
    const known = answers.get(key);
    if (known) {
      ack({ ok: true, ...known, dup: true });
      return;
    }
    const { data, ...more } = item;
    const stored = keep(to, data, { ...more, from });
    send(to, stored, [socket.id]);
    if (item.kind === 'private' && to !== from.id) {
      const copy = keep(from.id, data, { ...more, from, id: stored.id });
      send(from.id, copy, [socket.id]);
    }
    const live = io.sockets.adapter.rooms.get(nameOf(to))?.size ?? 0;
    const posted = { id: stored.id, seq: stored.seq, at: stored.at, live };
    answers.set(key, posted);
    ack({ ok: true, ...posted });
  }

  const people: FakePeople = {
    inbox,
    keep,
    bring(userId, data, more) {
      const item = keep(userId, data, more);
      send(userId, item);
      return item;
    },
    show: (socket, from) => void socket.emit('push_message', shown(userOf(socket), from)),
    bind(socket, userId) {
      void socket.leave(nameOf(userOf(socket)));
      socket.data.userId = userId;
      void socket.join(nameOf(userId));
    },
    usual: {
      private(socket, payload, ack) {
        const { to = '', text } = payload;
        post(socket, to, { kind: 'private', data: { to, text } }, payload, ack);
      },
      todo(socket, payload, ack) {
        post(socket, payload.receiver_id ?? '', { kind: 'todo', data: payload }, payload, ack);
      },
      user_login(socket, { userId = '' }, ack) {
        ack({ ok: true, user: { id: userId, name: userId } });
        people.bind(socket, userId);
        people.show(socket);
      },
      'inbox:list'(socket, { before = Number.POSITIVE_INFINITY, limit = 50 }, ack) {
        const { epoch, top, log, recv, read } = inbox(userOf(socket));
        const items = log.filter(({ seq }) => seq < before).slice(-limit);
        ack({ ok: true, epoch, top, recvSeq: recv, readSeq: read, items, more: false });
      },
      'inbox:ack'(socket, payload, ack) {
        ack({ ok: true, ...raise(userOf(socket), payload) });
      },
      'token:refresh'(_socket, _payload, ack) {
        ack({ ok: true, left: [] });
      },
    },
  };
  return people;
}
