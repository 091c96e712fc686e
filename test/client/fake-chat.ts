import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { refuse, type WireError } from '../../src/protocol/codes.ts';
import { toTombstone } from '../../src/protocol/deletions.ts';
import type { Bye, Hello } from '../../src/protocol/events.ts';
import type { ChatMessage, DeletedMessage, RoomEntry, RoomGap } from '../../src/protocol/rooms.ts';
import { createFakePeople, type FakePeople, type PeoplePayload } from './fake-inbox.ts';

type Ack = (answer: object) => void;

interface JoinPayload {
  readonly roomid: string;
  readonly resume?: { readonly epoch: string; readonly seq: number };
  readonly history?: number;
}

interface SayPayload {
  readonly roomid: string;
  readonly text: string;
  readonly clientMsgId: string;
  readonly echo?: boolean;
}

type Payload = JoinPayload & SayPayload & PeoplePayload;

export interface Asked {
  readonly event: string;
  readonly payload: Payload;
  readonly at: number;
}

/** Replaces the usual answer, which `proceed` gives. */
export type Step = (turn: {
  readonly payload: Payload;
  readonly ack: Ack;
  readonly socket: Socket;
  proceed(ack?: Ack): void;
}) => void;

interface FakeRoom {
  epoch: string;
  top: number;
  log: RoomEntry[];
}

/** A real Socket.IO server with rooms in memory, whose faults a test scripts in advance. */
export interface FakeChat {
  readonly url: string;
  /** All events of clients, in order. */
  readonly asked: Asked[];
  /** The number of handshakes that said `moves`. */
  movers: number;
  /** The `auth` of every handshake, without `moves`, `changes` and `connectId`. */
  readonly auths: Record<string, unknown>[];
  /** The `connectId` of every handshake. */
  readonly connectIds: unknown[];
  readonly queries: Record<string, unknown>[];
  hello: Partial<Hello>;
  /** While set, the server accepts clients and sends no `hello`. */
  mute: boolean;
  limits: Partial<Hello['limits']>;
  /** Refuses handshakes while set. */
  guard: ((auth: Record<string, unknown>) => WireError | undefined) | undefined;
  room(roomid: string): FakeRoom;
  readonly people: FakePeople;
  ask(event: string): Asked[];
  /** The next of these events, one step each; `joined`: the next joins of a connection itself. */
  script(event: string, ...steps: Step[]): void;
  store(roomid: string, text: string, more?: Partial<ChatMessage>): ChatMessage;
  deliver(message: RoomEntry): void;
  /** Deletes a message and tells nobody. */
  remove(roomid: string, ref: number): DeletedMessage;
  post(roomid: string, text: string): ChatMessage;
  gap(gap: RoomGap): void;
  emit(event: string, payload: object): void;
  /** Says `bye` and closes the connections, like a server of an earlier release. */
  bye(bye: Partial<Bye>): void;
  /** Says `bye` 3001 and goes on serving. */
  askToMove(afterMs?: number): void;
  /** Closes every engine, like a worker that dies. */
  cut(): void;
  clients(): number;
  close(): Promise<void>;
}

export const refusal = (...args: Parameters<typeof refuse>): Step => {
  const { error } = refuse(...args);
  return ({ ack }) => ack({ ok: false, error });
};

export async function openFakeChat(): Promise<FakeChat> {
  const http = createServer();
  const io = new Server(http);
  const people = createFakePeople(io);
  const rooms = new Map<string, FakeRoom>();
  const scripts = new Map<string, Step[]>();
  const asked: Asked[] = [];
  let guests = 0;

  function room(roomid: string): FakeRoom {
    const known = rooms.get(roomid) ?? { epoch: 'e1', top: 0, log: [] };
    rooms.set(roomid, known);
    return known;
  }

  function store(roomid: string, text: string, more: Partial<ChatMessage> = {}): ChatMessage {
    const target = room(roomid);
    target.top += 1;
    const { epoch, top: seq } = target;
    const id = `${epoch}-${seq}`;
    const data = { username: 'Ada', userId: 'ada', text, type: 0 };
    const message = { event: 'broadcast_say', roomid, epoch, seq, id, at: seq, data, ...more } as const;
    target.log.push(message);
    return message;
  }

  const usual: Record<string, (socket: Socket, payload: Payload, ack: Ack) => void> = {
    ...people.usual,
    join(socket, { roomid, resume, history = 50 }, ack) {
      const { epoch, top, log } = room(roomid);
      const first = log[0]?.seq ?? top + 1;
      const recovered = resume && resume.epoch === epoch && first <= resume.seq + 1 && resume.seq <= top;
      const latest = history === 0 ? [] : log.slice(-history);
      const messages = recovered ? log.filter(({ seq }) => seq > resume.seq) : latest;
      ack({
        ok: true,
        roomid,
        epoch,
        seq: top,
        users: 1,
        clients: 1,
        messages,
        more: false,
        ...(resume ? { recovered } : {}),
      });
      void socket.join(roomid);
    },
    say(socket, { roomid, text, clientMsgId, echo = true }, ack) {
      const known = room(roomid).log.find(
        (entry): entry is ChatMessage => entry.event === 'broadcast_say' && entry.clientMsgId === clientMsgId,
      );
      const message = known ?? store(roomid, text, { clientMsgId });
      if (!known) (echo ? io.to(roomid) : io.to(roomid).except(socket.id)).emit('message', message);
      const { epoch, seq, id, at } = message;
      ack({ ok: true, roomid, epoch, seq, id, at, ...(known ? { dup: true } : {}) });
    },
    signal: (_socket, _payload, ack) => ack({ ok: true }),
    leave(socket, { roomid }, ack) {
      void socket.leave(roomid);
      ack({ ok: true });
    },
    'room:history'(_socket, { roomid }, ack) {
      const { epoch, top, log } = room(roomid);
      ack({ ok: true, epoch, top, more: false, messages: log });
    },
  };

  io.use((socket, next) => {
    const auth = socket.handshake.auth as Record<string, unknown>;
    const { moves, connectId, changes: _, ...rest } = auth;
    fake.auths.push(rest);
    fake.connectIds.push(connectId);
    fake.movers += moves === true ? 1 : 0;
    fake.queries.push(socket.handshake.query);
    const error = fake.guard?.(auth);
    next(error && Object.assign(new Error(error.message), { data: error }));
  });
  io.on('connection', (socket) => {
    const { userId, token, username = 'guest' } = socket.handshake.auth;
    guests += 1;
    const id = userId ?? `g-${guests}`;
    if (fake.mute) return;
    socket.emit('hello', {
      clientId: socket.id,
      user: { id, name: username },
      auth: 'open',
      protocol: 1,
      worker: 0,
      time: 0,
      ...(id.startsWith('g-') ? { guestToken: `proof of ${id}` } : {}),
      ...fake.hello,
      limits: { maxTextBytes: 8192, maxRooms: 50, maxHistory: 200, dedupeTtlS: 600, ...fake.limits },
    });
    people.bind(socket, fake.hello.user?.id ?? id);
    const { roomid } = socket.handshake.query;
    if (typeof roomid === 'string') {
      const { resume } = socket.handshake.auth;
      const step = scripts.get('joined')?.shift();
      const enter = () =>
        usual.join?.(socket, { roomid, resume } as Payload, (joined) => socket.emit('joined', joined));
      if (step)
        step({
          payload: { roomid } as Payload,
          ack: (said) => socket.emit('refused', { event: 'join', ...said }),
          socket,
          proceed: enter,
        });
      else enter();
    }
    // A new guest has no inbox yet.
    if (userId !== undefined || token !== undefined) people.show(socket, socket.handshake.auth.inbox);
    socket.onAny((event: string, payload: Payload, ack: Ack) => {
      asked.push({ event, payload, at: performance.now() });
      const proceed = (answer: Ack = ack) => usual[event]?.(socket, payload, answer);
      const step = scripts.get(event)?.shift();
      if (step) step({ payload, ack, socket, proceed });
      else proceed();
    });
  });

  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const fake: FakeChat = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked,
    movers: 0,
    auths: [],
    connectIds: [],
    queries: [],
    hello: {},
    mute: false,
    limits: {},
    guard: undefined,
    room,
    people,
    ask: (event) => asked.filter((one) => one.event === event),
    script: (event, ...steps) => void scripts.set(event, [...(scripts.get(event) ?? []), ...steps]),
    store,
    remove(roomid, ref) {
      const target = room(roomid);
      target.log = target.log.map((entry) =>
        entry.event === 'broadcast_say' && entry.seq === ref ? toTombstone(entry) : entry,
      );
      target.top += 1;
      const { epoch, top: seq } = target;
      const deleted = { event: 'deleted', roomid, epoch, seq, id: `${epoch}-${seq}`, at: seq, ref } as const;
      target.log.push(deleted);
      return deleted;
    },
    deliver: (message) => void io.to(message.roomid).emit('message', message),
    post(roomid, text) {
      const message = store(roomid, text);
      io.to(roomid).emit('message', message);
      return message;
    },
    gap: (gap) => void io.to(gap.roomid).emit('room:gap', gap),
    emit: (event, payload) => void io.emit(event, payload),
    bye(bye) {
      io.emit('bye', { code: 3001, reason: 'moving', reconnect: true, afterMs: 0, ...bye });
      fake.cut();
    },
    askToMove: (afterMs = 0) =>
      void io.emit('bye', { code: 3001, reason: 'moving', reconnect: true, afterMs }),
    cut() {
      for (const socket of io.sockets.sockets.values()) socket.conn.close();
    },
    clients: () => io.engine.clientsCount,
    async close() {
      await io.close();
    },
  };
  return fake;
}
