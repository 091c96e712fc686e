import { expect, it, onTestFinished, vi } from 'vitest';
import type { Room } from '../../src/client/index.ts';
import { refuse } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';
import { type Chatter, listen, textsOf } from './chatter.ts';
import { refusal, type Step } from './fake-chat.ts';
import { stageForEach } from './stage.ts';

/* A server that says `bye` 3001 and goes on serving: the client connects a second time before it leaves. */

const { fake, chatter } = stageForEach();

async function inRooms(one: Chatter, ...roomids: string[]): Promise<Room[]> {
  const rooms = await Promise.all(roomids.map((roomid) => one.chat.join(roomid)));
  expect(one.states.at(-1)).toMatchObject({ state: 'online' });
  return rooms;
}

const moved = (times = 1) =>
  eventually(() => expect([fake().movers, fake().clients()]).toEqual([1 + times, 1]));

/** Holds the next of these events until `release`. */
function hold(event: string) {
  const held: (() => void)[] = [];
  const step: Step = ({ proceed }) => void held.push(proceed);
  fake().script(event, step);
  return {
    arrived: () => eventually(() => expect(held).toHaveLength(1)),
    release: () => held[0]?.(),
  };
}

it('moves without a change of state: rooms get each message once and in order', async () => {
  const one = chatter();
  const [tea, sea] = await inRooms(one, 'tea', 'sea');
  const [heardTea, heardSea] = [listen(tea as Room), listen(sea as Room)];
  const states = one.states.length;
  const posted: string[] = [];
  const post = () => {
    posted.push(`m${posted.length}`);
    for (const roomid of ['tea', 'sea']) fake().post(roomid, posted.at(-1) as string);
  };
  const talking = setInterval(post, 1);
  fake().askToMove(20);
  await moved();
  clearInterval(talking);
  post();
  await eventually(() => expect([textsOf(heardTea), textsOf(heardSea)]).toEqual([posted, posted]));
  expect(one.states.slice(states)).toEqual([]);
  expect((await (tea as Room).say('hello')).seq).toBe(posted.length + 1);
});

it('passes messages once that the old connection brought after the second one had joined', async () => {
  const one = chatter();
  const [tea] = await inRooms(one, 'tea', 'sea');
  const heard = listen(tea as Room);
  const held = hold('join');
  fake().askToMove();
  await held.arrived();
  await eventually(() => expect(fake().ask('join')).toHaveLength(4));
  fake().post('tea', 'both');
  await eventually(() => expect(textsOf(heard)).toEqual(['both']));
  held.release();
  await moved();
  fake().post('tea', 'after');
  await eventually(() => expect(textsOf(heard)).toEqual(['both', 'after']));
});

it('passes a presence event once', async () => {
  const one = chatter();
  const [tea] = await inRooms(one, 'tea', 'sea');
  const presence: unknown[] = [];
  tea?.on('presence', ({ data }) => presence.push(data.userId));
  const first = hold('join');
  const held = hold('join');
  fake().askToMove();
  await first.arrived();
  await held.arrived();
  first.release();
  fake().emit('message', { event: 'join', roomid: 'tea', data: { userId: 'bob', username: 'Bob' } });
  await eventually(() => expect(presence).toEqual(['bob']));
  held.release();
  await moved();
  fake().emit('message', {
    event: 'broadcast_quit',
    roomid: 'tea',
    data: { userId: 'bob', username: 'Bob' },
  });
  await eventually(() => expect(presence).toEqual(['bob', 'bob']));
});

it('waits for the answers that the old connection owes, and sends the next message on the new one', async () => {
  const one = chatter();
  const [tea] = await inRooms(one, 'tea');
  const heard = listen(tea as Room);
  const held = hold('say');
  const [first, second] = [tea?.say('first'), tea?.say('second')];
  await held.arrived();
  fake().askToMove();
  await eventually(() => expect([fake().movers, fake().clients()]).toEqual([2, 2]));
  await eventually(() => expect(fake().ask('join')).toHaveLength(2));
  held.release();
  expect([(await first)?.seq, (await second)?.seq]).toEqual([1, 2]);
  expect(
    fake()
      .ask('say')
      .map(({ payload }) => payload.text),
  ).toEqual(['first', 'second']);
  await moved();
  await eventually(() => expect(textsOf(heard)).toEqual(['first', 'second']));
});

it('sends a message again under its clientMsgId if the old connection brings no answer', async () => {
  const one = chatter();
  const [tea] = await inRooms(one, 'tea');
  const heard = listen(tea as Room);
  fake().script('say', ({ proceed }) => proceed(() => undefined));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let answer: Awaited<ReturnType<Room['say']>> | undefined;
  void tea?.say('once').then((said) => {
    answer = said;
  });
  await eventually(() => expect(fake().ask('say')).toHaveLength(1));
  fake().askToMove();
  await eventually(() => {
    vi.advanceTimersByTime(100);
    expect(answer).toBeDefined();
  });
  expect(answer).toMatchObject({ seq: 1, dup: true });
  await moved();
  expect(textsOf(heard)).toEqual(['once']);
  expect(one.states).toHaveLength(1);
});

it('leaves a room on the new connection that the application left during the move', async () => {
  const one = chatter();
  const [tea, sea] = await inRooms(one, 'tea', 'sea');
  const first = hold('join');
  const held = hold('join');
  fake().askToMove();
  await first.arrived();
  await held.arrived();
  await tea?.leave();
  first.release();
  held.release();
  await moved();
  await eventually(() => expect(fake().ask('leave')).toHaveLength(2));
  const heard = listen(sea as Room);
  fake().post('sea', 'still here');
  await eventually(() => expect(textsOf(heard)).toEqual(['still here']));
});

it('goes on with the second connection if the old one ends before every room is joined', async () => {
  const one = chatter();
  let old: Parameters<Step>[0]['socket'] | undefined;
  fake().script('join', ({ socket, proceed }) => {
    old = socket;
    proceed();
  });
  const [tea] = await inRooms(one, 'tea');
  const heard = listen(tea as Room);
  const held = hold('join');
  fake().askToMove();
  await held.arrived();
  old?.conn.close();
  fake().post('tea', 'meanwhile');
  await eventually(() => expect(textsOf(heard)).toEqual(['meanwhile']));
  expect(one.states.map(({ state }) => state)).toEqual(['online', 'connecting', 'online']);
  await moved();
});

it('waits for the second connection if the old one ends before the server accepts it', async () => {
  const one = chatter({ answerTimeoutMs: 500 });
  let old: Parameters<Step>[0]['socket'] | undefined;
  fake().script('join', ({ socket, proceed }) => {
    old = socket;
    proceed();
  });
  const [tea] = await inRooms(one, 'tea');
  const heard = listen(tea as Room);
  fake().mute = true;
  fake().askToMove();
  await eventually(() => expect(fake().clients()).toBe(2));
  old?.conn.close();
  await eventually(() =>
    expect(one.states.slice(0, 2).map(({ state }) => state)).toEqual(['online', 'connecting']),
  );
  fake().mute = false;
  fake().post('tea', 'meanwhile');
  await eventually(() => expect(textsOf(heard)).toEqual(['meanwhile']));
  await eventually(() => expect(fake().clients()).toBe(1));
});

it('waits only the rest of the time that the server gave if the old connection ends meanwhile', async () => {
  let elapsedMs = 0;
  const one = chatter({ now: () => 1_800_000_000_000, elapsedMs: () => elapsedMs });
  await inRooms(one, 'tea');
  const asked = new Promise((resolve) => one.chat.on('bye', resolve));
  fake().askToMove(60_000);
  await asked;
  elapsedMs += 59_000;
  fake().cut();
  await eventually(() => expect(one.states.at(-1)?.state).toBe('offline'));
  expect(one.states.at(-1)).toMatchObject({ reason: 'moving', askedByServer: true, retryInMs: 1_125 });
});

it('joins a room again after the move that refused the second connection, and loses no other', async () => {
  const one = chatter();
  const rooms = await inRooms(one, 'tea', 'sea', 'bay');
  const [tea, sea, bay] = rooms.map(listen);
  const full = refusal('limit', 'the room is full');
  fake().script('join', full, full, ({ proceed }) => proceed(), full);
  fake().askToMove();
  await moved();
  await eventually(() => expect([tea?.closed, sea?.closed]).toEqual([['limit'], []]));
  for (const roomid of ['sea', 'bay']) fake().post(roomid, 'back');
  await eventually(() =>
    expect([sea, bay].map((heard) => heard && textsOf(heard))).toEqual([['back'], ['back']]),
  );
  expect([bay?.closed, one.states.length]).toEqual([[], 1]);
});

it('moves as the new user after a login during the move', async () => {
  const one = chatter();
  const [tea] = await inRooms(one, 'tea');
  const heard = listen(tea as Room);
  const held = hold('join');
  fake().askToMove();
  await held.arrived();
  await one.chat.login('bob');
  await moved(2);
  expect(fake().auths.at(-1)).toMatchObject({ userId: 'bob' });
  fake().post('tea', 'here');
  await eventually(() => expect(textsOf(heard)).toEqual(['here']));
  expect(one.states).toHaveLength(1);
});

it('moves as the new user after a login that is pending when the server asks to move', async () => {
  const one = chatter();
  await inRooms(one, 'tea');
  const held = hold('user_login');
  const login = one.chat.login('bob');
  await held.arrived();
  fake().askToMove();
  const byes: unknown[] = [];
  one.chat.on('bye', (bye) => byes.push(bye));
  await eventually(() => expect(byes).toHaveLength(1));
  held.release();
  await login;
  await moved();
  expect(fake().auths.at(-1)).toMatchObject({ userId: 'bob' });
  expect(one.states).toHaveLength(1);
});

it('moves with another token if the new worker refuses the old one', async () => {
  const token = vi.fn().mockResolvedValueOnce('old').mockResolvedValue('new');
  const one = chatter({ token });
  await inRooms(one, 'tea');
  fake().guard = ({ token: given }) =>
    given === 'new' ? undefined : refuse('unauthorized', 'expired').error;
  fake().askToMove();
  await moved(2);
  expect(fake().auths.map(({ token: given }) => given)).toEqual(['old', 'old', 'new']);
  expect(one.states).toHaveLength(1);
});

it('is over when the application closes the client in the middle of it', async () => {
  const one = chatter();
  await inRooms(one, 'tea');
  const held = hold('join');
  fake().askToMove();
  await held.arrived();
  one.chat.close();
  await eventually(() => expect(fake().clients()).toBe(0));
  expect(one.states.at(-1)).toMatchObject({ state: 'closed' });
});

it('asks to move again what has moved before', async () => {
  const one = chatter({ roomid: 'tea', username: 'Ada' });
  const [tea] = await inRooms(one, 'tea');
  const heard = listen(tea as Room);
  fake().askToMove();
  await moved(1);
  fake().askToMove();
  await moved(2);
  fake().post('tea', 'here');
  await eventually(() => expect(textsOf(heard)).toEqual(['here']));
  expect(fake().queries.map(({ roomid }) => roomid)).toEqual(['tea', 'tea', 'tea']);
  expect(one.states).toHaveLength(1);
});

it('tries again while a new worker refuses connections for now', async () => {
  const one = chatter();
  const [tea] = await inRooms(one, 'tea');
  let refusals = 0;
  fake().guard = () => {
    refusals += 1;
    return refusals < 3 ? refuse('rate_limited', 'too many', 10).error : undefined;
  };
  fake().askToMove();
  await moved(3);
  expect(one.states).toHaveLength(1);
  expect((await tea?.say('here'))?.seq).toBe(1);
});

it('asks again on the new connection what the old one did not answer', async () => {
  const one = chatter();
  const [tea] = await inRooms(one, 'tea');
  let old: Parameters<Step>[0]['socket'] | undefined;
  const silent: Step = ({ socket }) => {
    old = socket;
  };
  fake().script('inbox:list', silent);
  fake().script('inbox:ack', silent, silent);
  fake().script('room:history', silent);
  const answers = Promise.all([one.chat.inbox.list(), one.chat.inbox.ack({ read: 0 }), tea?.history()]);
  one.chat.on('item', () => undefined);
  fake().people.bring('ada', 'hello');
  const asked = () => ['inbox:list', 'inbox:ack', 'room:history'].map((event) => fake().ask(event).length);
  await eventually(() => expect(asked()).toEqual([1, 2, 1]));
  fake().askToMove();
  await eventually(() => expect([fake().movers, fake().clients()]).toEqual([2, 2]));
  await eventually(() => expect(fake().ask('join')).toHaveLength(2));
  old?.conn.close();
  await answers;
  await eventually(() => expect(asked()).toEqual([2, 4, 2]));
  await eventually(() => expect(fake().people.inbox('ada').recv).toBe(1));
  expect(one.states).toHaveLength(1);
});
