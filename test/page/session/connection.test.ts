import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGuests } from '../../../src/page/session/guests.ts';
import { createMemory } from '../../../src/page/session/memory.ts';
import { openSession, type Session } from '../../../src/page/session/session.ts';
import { createVisitStorage } from '../../../src/page/session/visit-storage.ts';
import type { WireError } from '../../../src/protocol/codes.ts';
import type { ChatMessage } from '../../../src/protocol/rooms.ts';
import { eventually } from '../../support/eventually.ts';
import { hello, joined, ME, pageOf, said, sayings, shown } from '../room/chat-events.ts';

type SayAnswer = (answer: object) => void;
interface Said {
  readonly text: string;
  readonly clientMsgId: string;
}

/** A Socket.IO server that answers nothing unless a test says so. */
let io: Server;
let url: string;
/** All accepted connections, in order. */
let arrivals: Socket[];
let handshakes: { query: object; auth: object }[];
let onArrival: (socket: Socket) => void;
let refuseWith: ((auth: Record<string, unknown>) => WireError | undefined) | undefined;
let opened: { session: Session }[];
let thrown: unknown[];
let ids = 0;

beforeEach(async () => {
  [arrivals, handshakes, opened, refuseWith, thrown] = [[], [], [], undefined, []];
  onArrival = enter();
  const http = createServer();
  io = new Server(http);
  io.use((socket, next) => {
    const { roomid } = socket.handshake.query;
    handshakes.push({ query: { roomid }, auth: socket.handshake.auth });
    const error = refuseWith?.(socket.handshake.auth);
    next(error && Object.assign(new Error(error.message), { data: error }));
  });
  io.on('connection', (socket) => {
    arrivals.push(socket);
    onArrival(socket);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const { session } of opened) void session.close();
  await io.close();
  expect(thrown).toEqual([]);
});

function enter(messages: readonly ChatMessage[] = [], more = {}) {
  return (socket: Socket) => {
    socket.emit('hello', hello({ guestToken: 'token' }));
    socket.emit('joined', joined(messages, more));
  };
}

/** The storage of a tab, which outlives a reload. */
class TabStorage extends Map<string, string> {
  readonly memory = createMemory(() => this as unknown as Storage);
  getItem = (key: string) => this.get(key) ?? null;
  setItem = (key: string, value: string) => void this.set(key, value);
  removeItem = (key: string) => void this.delete(key);
}

function open({
  tab = new TabStorage(),
  browser = createMemory(() => {
    throw new Error('no storage');
  }),
  username = 'Mia',
  path = '/socket.io/',
  now = Date.now,
  elapsedMs = () => performance.now(),
} = {}) {
  const guests = createGuests(browser);
  const place = { socketPath: path, username };
  const memories = { browser, tab: tab.memory };
  const session = openSession({
    profile: { username, avatar: '1.jpg' },
    rooms: [{ roomid: 'lobby' }],
    token: undefined,
    url,
    socketPath: '/socket.io/',
    storage: createVisitStorage(memories, place),
    fieldStorage: (roomid) => createVisitStorage(memories, { ...place, roomid }),
    isVisible: () => true,
    now,
    elapsedMs,
    random: () => 0.5,
    newId: () => `private ${++ids}`,
    nextFrame: (callback) => callback(),
    onRooms: () => undefined,
    onToken: () => undefined,
    onThrow: (error) => thrown.push(error),
  });
  const [lobby] = session.rooms.get();
  if (!lobby) throw new Error('no room');
  const { store, actions } = lobby;
  const connection = { ...actions, reconnect: session.reconnect, close: session.close };
  const page = { session, store, guests, connection, tab };
  opened.push(page);
  return page;
}

async function inRoom(options: Parameters<typeof open>[0] = {}) {
  const page = open(options);
  await phase(page, 'joined');
  return page;
}

function phase({ store }: { store: ReturnType<typeof open>['store'] }, wanted: string) {
  return eventually(() => expect(store.get().connection.phase).toBe(wanted));
}

function heardSays(socket: Socket | undefined, answer?: (said: Said, reply: SayAnswer) => void): Said[] {
  const says: Said[] = [];
  socket?.on('say', (payload: Said, reply: SayAnswer) => {
    says.push(payload);
    answer?.(payload, reply);
  });
  return says;
}

const stored = (seq: number) => ({
  ok: true,
  roomid: 'lobby',
  epoch: 'e1',
  seq,
  id: `m${seq}`,
  at: 1_000 + seq,
});

describe('coming in', () => {
  it('sends the room, name and avatar, and stores the guest for the next time', async () => {
    onArrival = enter(sayings(1, 2));
    const { store, guests } = await inRoom();
    expect(handshakes).toEqual([
      {
        query: { roomid: 'lobby' },
        auth: { moves: true, changes: true, username: 'Mia', avatar: '1.jpg', connectId: expect.any(String) },
      },
    ]);
    expect(shown(store.get())).toEqual(['text 1', 'text 2']);
    expect(guests.find('Mia')).toMatchObject({ userId: ME.id, guestToken: 'token' });
  });

  it('enters as a new guest when the server does not know the old one any more', async () => {
    refuseWith = ({ userId }) =>
      userId === undefined ? undefined : { code: 'forbidden', message: 'not yours', temporary: false };
    const browser = new TabStorage().memory;
    createGuests(browser).store('Mia', { userId: 'g-old', guestToken: 'old' });
    const page = open({ browser });
    await phase(page, 'joined');
    expect(page.guests.find('Mia')?.userId).toBe(ME.id);
  });

  it('says that the name is reserved', async () => {
    const message = 'auth.username: is reserved';
    refuseWith = () => ({ code: 'bad_request', message, temporary: false });
    const { session } = open();
    await eventually(() => expect(session.status.get().refusal).toEqual({ code: 'reserved', message }));
    expect(session.status.get().state).toBe('closed');
  });

  it('stops at a permanent refusal with its reason, and tries again when asked', async () => {
    refuseWith = () => ({ code: 'bad_request', message: 'roomid: is odd', temporary: false });
    const page = open();
    await phase(page, 'stopped');
    expect(page.store.get().connection).toMatchObject({
      reason: { code: 'bad_request', message: 'roomid: is odd' },
    });
    refuseWith = undefined;
    page.connection.reconnect();
    await phase(page, 'joined');
  });

  it('joins again by itself after a temporary refusal', async () => {
    onArrival = (socket) => {
      socket.emit('hello', hello());
      const error = { code: 'unavailable', message: 'the store is away', temporary: true, retryAfterMs: 200 };
      socket.emit('refused', { event: 'join', error });
      socket.on('join', (_payload: object, reply: SayAnswer) => reply({ ok: true, ...joined([]) }));
    };
    const page = open();
    await phase(page, 'lost');
    const reason = { code: 'unavailable', message: 'the store is away' };
    expect(page.store.get().connection).toMatchObject({ reason, backAt: expect.any(Number) });
    await phase(page, 'joined');
    expect(arrivals).toHaveLength(1);
  });
});

describe('losing the connection', () => {
  it('resumes from the last message, as the same guest', async () => {
    onArrival = enter(sayings(1, 2));
    const page = await inRoom();
    arrivals[0]?.emit('message', said(3));
    await eventually(() => expect(shown(page.store.get())).toHaveLength(3));
    onArrival = enter([said(4)], { recovered: true });
    arrivals[0]?.conn.close();
    await eventually(() => expect(shown(page.store.get()).at(-1)).toBe('text 4'));
    expect(handshakes[1]?.auth).toMatchObject({
      userId: ME.id,
      guestToken: 'token',
      resume: { epoch: 'e1', seq: 3 },
    });
  });

  it('waits as long as a bye says before it comes back', async () => {
    const page = await inRoom();
    const before = Date.now();
    arrivals[0]?.emit('bye', { code: 3001, reason: 'moved', reconnect: true, afterMs: 700 });
    arrivals[0]?.conn.close();
    await phase(page, 'lost');
    const { connection } = page.store.get();
    expect(connection).toMatchObject({
      reason: { code: 'moved', message: 'moved' },
      backAt: expect.any(Number),
    });
    expect(connection.phase === 'lost' && connection.backAt).toBeGreaterThanOrEqual(before + 700);
    await phase(page, 'joined');
    expect(arrivals).toHaveLength(2);
  });

  it('stays away after a bye without reconnect, until asked', async () => {
    const page = await inRoom();
    arrivals[0]?.emit('bye', {
      code: 3503,
      reason: 'disconnected by an operator',
      reconnect: false,
      afterMs: 0,
    });
    await phase(page, 'stopped');
    expect(page.store.get().connection).toMatchObject({
      reason: { code: 'disconnected', message: 'disconnected by an operator' },
    });
    page.connection.reconnect();
    await phase(page, 'joined');
    expect(arrivals).toHaveLength(2);
  });

  it('shows no time to come back where the server gave none', async () => {
    const page = await inRoom();
    arrivals[0]?.conn.close();
    await phase(page, 'lost');
    const reason = { code: 'lost', message: 'the connection was closed' };
    expect(page.store.get().connection).toEqual({ phase: 'lost', reason, backAt: undefined });
    await phase(page, 'joined');
  });

  it.each([
    ['kicked', 'you were removed from this room'],
    ['banned', 'you are banned from this room'],
  ])(
    'shows that the reader was %s, also over a lost connection, until they come back',
    async (code, message) => {
      const page = await inRoom();
      arrivals[0]?.emit('removed', { roomid: 'lobby', code });
      await phase(page, 'outside');
      page.connection.say('unheard');
      expect(page.store.get().drafts).toMatchObject([{ status: 'outside' }]);
      arrivals[0]?.conn.close();
      await eventually(() => expect(arrivals).toHaveLength(2));
      expect(page.store.get().connection).toEqual({ phase: 'outside', reason: { code, message } });
      arrivals[1]?.on('join', (_payload: object, reply: SayAnswer) => reply({ ok: true, ...joined([]) }));
      page.connection.reconnect();
      await phase(page, 'joined');
    },
  );

  it('says until when the reader is banned', async () => {
    const page = await inRoom();
    const until = Date.now() + 3 * 86_400_000;
    arrivals[0]?.emit('removed', { roomid: 'lobby', code: 'banned', until });
    const reason = { code: 'banned', message: 'you are banned from this room', until: expect.any(Number) };
    await eventually(() => expect(page.store.get().connection).toEqual({ phase: 'outside', reason }));
    const { connection } = page.store.get();
    expect(connection.phase === 'outside' && connection.reason.until).toBeGreaterThanOrEqual(until);
  });

  it('says until when the reader is banned whose join is refused', async () => {
    const error = { code: 'forbidden', message: 'roomid: banned from this room', temporary: false };
    onArrival = (socket) => {
      socket.emit('hello', hello());
      socket.emit('refused', { event: 'join', error: { ...error, retryAfterMs: 60_000 } });
    };
    const page = open();
    const reason = { code: 'banned', message: error.message, until: expect.any(Number) };
    await eventually(() => expect(page.store.get().connection).toEqual({ phase: 'outside', reason }));
  });

  it('leaves the room when the page is left', async () => {
    const page = await inRoom();
    const left = new Promise((resolve) =>
      arrivals[0]?.once('leave', (payload: object, reply: SayAnswer) => {
        resolve(payload);
        reply({ ok: true });
      }),
    );
    const gone = new Promise((resolve) => arrivals[0]?.once('disconnect', resolve));
    void page.connection.close();
    expect(await left).toEqual({ roomid: 'lobby' });
    expect(await gone).toBe('client namespace disconnect');
  });
});

describe('saying', () => {
  it('draws the own text at once and settles it by the ack', async () => {
    const page = await inRoom();
    const says = heardSays(arrivals[0], (_said, reply) => reply(stored(1)));
    page.connection.say('hi');
    expect(page.store.get().drafts).toMatchObject([{ text: 'hi', status: 'sending' }]);
    await eventually(() => expect(shown(page.store.get())).toEqual(['hi']));
    expect(page.store.get().drafts).toEqual([]);
    expect(says).toEqual([{ text: 'hi', roomid: 'lobby', clientMsgId: expect.any(String) }]);
  });

  it('shows a refusal, and sends it again under the same clientMsgId when asked', async () => {
    const page = await inRoom();
    let refusals = 1;
    const error = { code: 'forbidden', message: 'you are muted', temporary: false };
    const says = heardSays(arrivals[0], (_said, reply) =>
      reply(refusals-- > 0 ? { ok: false, error } : stored(1)),
    );
    page.connection.say('hi');
    await eventually(() => expect(page.store.get().drafts).toMatchObject([{ status: 'failed' }]));
    const [draft] = page.store.get().drafts;
    expect(draft?.problem).toEqual({ code: 'forbidden', message: 'you are muted' });
    page.connection.retry(draft?.clientMsgId ?? '');
    await eventually(() => expect(shown(page.store.get())).toEqual(['hi']));
    expect(says.map(({ clientMsgId }) => clientMsgId)).toEqual([draft?.clientMsgId, draft?.clientMsgId]);
  });

  it('refuses more waiting messages than a reader can want', async () => {
    const page = await inRoom();
    heardSays(arrivals[0]);
    for (let n = 1; n <= 101; n++) page.connection.say(`number ${n}`);
    const failed = page.store.get().drafts.filter(({ status }) => status === 'failed');
    expect(failed.map(({ text }) => text)).toEqual(['number 101']);
  });

  it('sends messages from before and during a lost connection in order once back in the room', async () => {
    const page = await inRoom();
    const unanswered = heardSays(arrivals[0]);
    page.connection.say('one');
    await eventually(() => expect(unanswered).toHaveLength(1));
    let seq = 0;
    let says: Said[] = [];
    onArrival = (socket) => {
      says = heardSays(socket, (_said, reply) => reply(stored(++seq)));
      enter([], { recovered: true })(socket);
    };
    arrivals[0]?.conn.close();
    await phase(page, 'lost');
    page.connection.say('two');
    expect(page.store.get().drafts.map(({ status }) => status)).toEqual(['waiting', 'waiting']);
    await eventually(() => expect(shown(page.store.get())).toEqual(['one', 'two']));
    expect(says.map(({ text }) => text)).toEqual(['one', 'two']);
    expect(says[0]?.clientMsgId).toBe(unanswered[0]?.clientMsgId);
  });
});

describe('loading the page again', () => {
  /** A copy of the tab's storage at this moment, while its page still runs. */
  const reloaded = ({ tab }: { tab: TabStorage }) => new TabStorage([...tab]);
  const texts = ({ store }: ReturnType<typeof open>) => store.get().drafts.map(({ text }) => text);
  const known = (userId: string) => (socket: Socket) => {
    socket.emit('hello', hello({ user: { id: userId, name: 'Mia' } }));
    socket.emit('joined', joined([]));
  };

  /** A page with one message in flight, one behind it, one refused and a text half written. */
  async function written() {
    const page = await inRoom();
    const error = { code: 'forbidden', message: 'not that', temporary: false };
    const says = heardSays(arrivals[0], ({ text }, reply) => text === 'bad' && reply({ ok: false, error }));
    page.connection.say('bad');
    await eventually(() => expect(page.store.get().drafts).toMatchObject([{ status: 'failed' }]));
    page.connection.say('one');
    page.connection.say('two');
    await eventually(() => expect(says.map(({ text }) => text)).toEqual(['bad', 'one']));
    page.connection.field.save('half a th');
    return page;
  }

  it('restores unacked and failed messages and the typed text, and sends nothing twice', async () => {
    const before = await written();
    const tab = reloaded(before);
    const [bad, ...others] = before.store.get().drafts.map(({ clientMsgId }) => clientMsgId);
    let says: Said[] = [];
    onArrival = (socket) => {
      let seq = 0;
      says = heardSays(socket, (_said, reply) =>
        reply({ ...stored(++seq), ...(seq === 1 ? { dup: true } : {}) }),
      );
      enter()(socket);
    };
    const page = await inRoom({ tab });
    expect(page.connection.field.text).toBe('half a th');
    await eventually(() => expect(shown(page.store.get())).toEqual(['one', 'two']));
    expect(says.map(({ clientMsgId }) => clientMsgId)).toEqual(others);
    expect(page.store.get().drafts).toMatchObject([
      { text: 'bad', status: 'failed', problem: { message: 'not that' } },
    ]);
    page.connection.discard(bad ?? '');
    page.connection.field.save('');
    await eventually(() => expect([...tab]).toEqual([]));
  });

  it('restores the message that is edited, and gives its text back if the room began anew', async () => {
    const before = await inRoom();
    const edit = { kind: 'edit', epoch: 'e1', seq: 3, text: 'tee' } as const;
    before.connection.target(edit);
    before.connection.field.saveTarget({ ...edit, typed: 'tea' });
    const again = await inRoom({ tab: reloaded(before) });
    expect(again.store.get().target).toEqual({ ...edit, typed: 'tea' });
    onArrival = enter([], { epoch: 'e2' });
    const anew = await inRoom({ tab: reloaded(before) });
    expect([anew.store.get().target, anew.connection.field.text]).toEqual([undefined, 'tea']);
  });

  it('restores text from before the first hello for the user that the server then names', async () => {
    onArrival = () => undefined;
    const page = open();
    page.connection.say('early');
    page.connection.field.save('and more');
    await eventually(() => expect(page.tab.get('roomcast.unsent')).toContain('early'));
    onArrival = enter();
    const again = await inRoom({ tab: reloaded(page) });
    expect(texts(again)).toEqual(['early']);
    expect(again.connection.field.text).toBe('and more');
    onArrival = known('somebody else');
    const other = await inRoom({ tab: reloaded(again) });
    expect([texts(other), other.connection.field.text]).toEqual([[], '']);
  });

  it.each([
    ['another nickname', { username: 'Ann' }, ME.id],
    ['another account under the same nickname', {}, 'g-other'],
    ['another Roomcast behind the same origin', { path: '/other/socket.io/' }, ME.id],
  ])(
    'shows and sends nothing of it under %s, and all of it to its author again',
    async (_who, options, userId) => {
      const tab = reloaded(await written());
      let says: Said[] = [];
      onArrival = (socket) => {
        says = heardSays(socket);
        known(userId)(socket);
      };
      const other = await inRoom({ tab, ...options });
      other.connection.say('mine');
      await eventually(() => expect(says.map(({ text }) => text)).toEqual(['mine']));
      expect([texts(other), other.connection.field.text]).toEqual([['mine'], '']);
      onArrival = enter();
      const author = await inRoom({ tab: reloaded(other) });
      expect(texts(author)).toEqual(['bad', 'one', 'two']);
      expect(author.connection.field.text).toBe('half a th');
    },
  );

  it('leaves earlier messages to the reader when the server no longer knows the guest', async () => {
    const page = await written();
    onArrival = known('g-new');
    arrivals[0]?.conn.close();
    await eventually(() =>
      expect(page.store.get().drafts.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']),
    );
    const [, sent, unsent] = page.store.get().drafts;
    expect(sent?.problem?.code).toBe('unknown');
    expect(unsent?.problem?.code).toBe('wrong_user');
    const says = heardSays(arrivals[1]);
    page.connection.retry(unsent?.clientMsgId ?? '');
    await eventually(() => expect(says).toMatchObject([{ text: 'two', clientMsgId: unsent?.clientMsgId }]));
  });

  it('shows all of it when the server no longer knows the guest, for the reader to send', async () => {
    const before = await written();
    const browser = new TabStorage().memory;
    createGuests(browser).store('Mia', { userId: ME.id, guestToken: 'token' });
    refuseWith = ({ userId }) =>
      userId === undefined ? undefined : { code: 'forbidden', message: 'not yours', temporary: false };
    let says: Said[] = [];
    onArrival = (socket) => {
      says = heardSays(socket);
      socket.emit('hello', hello({ user: { id: 'g-new', name: 'Mia' }, guestToken: 'new' }));
      socket.emit('joined', joined([]));
    };
    const page = await inRoom({ tab: reloaded(before), browser });
    expect(page.connection.field.text).toBe('half a th');
    expect(texts(page)).toEqual(['bad', 'one', 'two']);
    expect(page.store.get().drafts.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
    expect(says).toEqual([]);
    const again = await inRoom({ tab: reloaded(page), browser });
    expect(again.connection.field.text).toBe('half a th');
  });

  it('after leaving sends nothing, and restores the text of the field', async () => {
    const page = await written();
    void page.connection.close();
    await eventually(() => expect(page.tab.get('roomcast.unsent')).not.toContain('one'));
    onArrival = enter();
    const again = await inRoom({ tab: page.tab });
    expect([texts(again), again.connection.field.text]).toEqual([[], 'half a th']);
  });

  it('works where the tab’s storage is corrupt', async () => {
    for (const spoiled of [
      '{',
      '[null, {"drafts":[7]}]',
      '[{"socketPath":"/socket.io/","username":"Mia","roomid":"lobby","values":{"field":1}}]',
    ]) {
      const tab = new TabStorage([['roomcast.unsent', spoiled]]);
      const page = await inRoom({ tab });
      expect(texts(page)).toEqual([]);
      page.connection.field.save('x');
      expect(tab.get('roomcast.unsent')).toContain('"x"');
    }
  });

  it('stores at most what a tab has room for, the newest rooms', () => {
    const tab = new TabStorage();
    const room = (roomid: string) =>
      createVisitStorage(
        { browser: tab.memory, tab: tab.memory },
        { socketPath: '/', username: 'Mia', roomid },
      );
    for (let n = 1; n <= 30; n++) room(`r${n}`).set('field', `in ${n}`);
    expect(room('r30').get('field')).toBe('in 30');
    expect(room('r11').get('field')).toBe('in 11');
    expect(room('r10').get('field')).toBeUndefined();
    for (let n = 1; n <= 3; n++) room(`r${n}`).set('roomcast.outbox', 'x'.repeat(1_000_000));
    expect(room('r1').get('roomcast.outbox')).toBeUndefined();
    expect(room('r2').get('roomcast.outbox')).toHaveLength(1_000_000);
  });
});

describe('reading', () => {
  it('asks for the page before the oldest message', async () => {
    onArrival = enter(sayings(51, 52), { more: true });
    const page = await inRoom();
    const asked: object[] = [];
    arrivals[0]?.on('room:history', (query: object, reply: SayAnswer) => {
      asked.push(query);
      reply({ ok: true, ...pageOf(sayings(49, 50)) });
    });
    page.connection.loadEarlier();
    page.connection.loadEarlier();
    await eventually(() => expect(shown(page.store.get())).toHaveLength(4));
    expect(asked).toEqual([{ roomid: 'lobby', before: 51, limit: 50 }]);
    expect(page.store.get().more).toBe(false);
  });

  it('after a gap says so and reads the newest page', async () => {
    onArrival = enter(sayings(1, 3));
    const page = await inRoom();
    arrivals[0]?.on('room:history', (_query: object, reply: SayAnswer) =>
      reply({ ok: true, ...pageOf(sayings(8, 9)) }),
    );
    arrivals[0]?.emit('room:gap', { roomid: 'lobby', epoch: 'e1', from: 4, to: 7, reason: 'trimmed' });
    await eventually(() =>
      expect(shown(page.store.get())).toEqual([
        ...sayings(1, 3).map(({ data }) => data.text),
        '(missing)',
        'text 8',
        'text 9',
      ]),
    );
  });
});
