import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Attempt, AttemptListener } from '../../src/client/attempt.ts';
import { errorOf } from '../../src/client/client-error.ts';
import type { Auth } from '../../src/client/identity.ts';
import { type Arrival, type HandshakeJoin, type MoveDeps, startMove } from '../../src/client/move.ts';
import { refuse } from '../../src/protocol/codes.ts';

const HELLO = { clientId: 'c2', user: { id: 'ada', name: 'Ada' }, protocol: 1 };
const TEA = { roomid: 'tea', resume: { epoch: 'e1', seq: 4 } };
const SEA = { roomid: 'sea', resume: { epoch: 'e1', seq: 9 } };

interface FakeAttempt extends Attempt {
  readonly auth: Auth;
  readonly join: HandshakeJoin | undefined;
  /** Calls the current listener. */
  readonly brings: AttemptListener;
  readonly asked: { readonly payload: object; readonly answer: (ack: unknown) => void }[];
  readonly calls: string[];
}

function fakeAttempt(auth: Auth, join: HandshakeJoin | undefined, listener: AttemptListener): FakeAttempt {
  const calls: string[] = [];
  const asked: FakeAttempt['asked'] = [];
  const note = (name: string) => () => void calls.push(name);
  return {
    auth,
    join,
    brings: listener,
    asked,
    calls,
    ask: (_event, payload, answered) =>
      void asked.push({ payload: payload as object, answer: answered as never }),
    isWaiting: () => false,
    listen: note('listen'),
    retire: note('retire'),
    close: note('close'),
    abandon: note('abandon'),
  };
}

/** A move of a client that is in the given rooms, with a second connection that the test drives. */
function stage(options: Partial<MoveDeps> = {}) {
  const attempts: FakeAttempt[] = [];
  const arrivals: Arrival[] = [];
  const old = fakeAttempt({}, undefined, {} as AttemptListener);
  let failures = 0;
  const move = startMove({
    old,
    afterMs: 300,
    timeoutMs: 10_000,
    nextMs: () => 1_000,
    auth: async () => ({ userId: 'ada' }),
    handshakeJoin: () => undefined,
    open(auth, join, listener) {
      const attempt = fakeAttempt(auth, join, listener);
      attempts.push(attempt);
      return attempt;
    },
    renew: () => false,
    errorOf: ({ data }) => errorOf(data as never),
    accepts: ({ user }) => user.id === 'ada',
    roomJoins: () => [TEA, SEA],
    onArrived: (arrival) => void arrivals.push(arrival),
    onFailed() {
      failures += 1;
    },
    ...options,
  });
  return {
    move,
    old,
    attempts,
    arrivals,
    failures: () => failures,
    /** The newest second connection, after the given time. */
    async opened(afterMs = 300): Promise<FakeAttempt> {
      await vi.advanceTimersByTimeAsync(afterMs);
      return attempts.at(-1) as FakeAttempt;
    },
  };
}

const joinedOf = (roomid: string, seq: number) => ({ ok: true, roomid, epoch: 'e1', seq, messages: [] });
const refusalOf = (...args: Parameters<typeof refuse>) =>
  Object.assign(new Error(), { data: refuse(...args).error });

const byeOf = (bye: object) => ({ code: 3001, reason: 'moving', reconnect: true, afterMs: 0, ...bye });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('connects after the time that the server gave, joins every room there, and takes over only then', async () => {
  const { old, attempts, arrivals, opened } = stage();
  await vi.advanceTimersByTimeAsync(299);
  expect(attempts).toHaveLength(0);
  const second = await opened(1);
  second.brings.onEvent('hello', [HELLO]);
  expect(second.asked.map(({ payload }) => payload)).toEqual([TEA, SEA]);
  second.asked[0]?.answer(joinedOf('tea', 5));
  expect([arrivals, old.calls]).toEqual([[], []]);
  second.asked[1]?.answer(joinedOf('sea', 9));
  expect(old.calls).toEqual(['retire']);
  expect(arrivals[0]?.attempt).toBe(second);
  expect([...(arrivals[0]?.joined.keys() ?? [])]).toEqual(['tea', 'sea']);
});

it('drops an event that the first connection brought during the move', async () => {
  const { move, arrivals, opened } = stage();
  const gone = ['message', [{ event: 'broadcast_quit', roomid: 'tea', data: { userId: 'bob' } }]] as const;
  const came = ['message', [{ event: 'join', roomid: 'tea', data: { userId: 'cat' } }]] as const;
  const late = ['message', [{ event: 'join', roomid: 'tea', data: { userId: 'dan' } }]] as const;
  const second = await opened();
  second.brings.onEvent('hello', [HELLO]);
  second.asked[0]?.answer(joinedOf('tea', 5));
  second.brings.onEvent(came[0], [...came[1]]);
  second.brings.onEvent(gone[0], [...gone[1]]);
  expect([move.admits(gone), move.admits(late)]).toEqual([true, true]);
  second.asked[1]?.answer(joinedOf('sea', 9));
  expect(arrivals[0]?.events).toEqual([came]);
  expect([move.admits(late), move.admits(late)]).toEqual([false, true]);
});

it('counts the answer to the room of the handshake, with its position', async () => {
  const { arrivals, opened } = stage({ handshakeJoin: () => TEA });
  const second = await opened();
  expect(second.join).toEqual(TEA);
  second.brings.onEvent('hello', [HELLO]);
  expect(second.asked.map(({ payload }) => payload)).toEqual([SEA]);
  second.asked[0]?.answer(joinedOf('sea', 9));
  expect(arrivals).toHaveLength(0);
  second.brings.onEvent('joined', [joinedOf('tea', 5)]);
  expect(arrivals).toHaveLength(1);
});

it('also joins a room that the application joined during the move', async () => {
  const rooms = [TEA];
  const { arrivals, opened } = stage({ roomJoins: () => rooms });
  const second = await opened();
  second.brings.onEvent('hello', [HELLO]);
  rooms.push(SEA);
  second.asked[0]?.answer(joinedOf('tea', 5));
  expect(arrivals).toHaveLength(0);
  second.asked[1]?.answer(joinedOf('sea', 9));
  expect(arrivals).toHaveLength(1);
});

it.each<[string, (second: FakeAttempt) => unknown, number]>([
  ['is lost', ({ brings }) => brings.onLost('the network failed'), 1_000],
  ['is refused for now', ({ brings }) => brings.onRefused(refusalOf('rate_limited', 'later', 70)), 70],
  ['is told to move itself', ({ brings }) => brings.onEvent('bye', [byeOf({})]), 1_000],
  [
    'is told its place in a queue',
    ({ brings }) => brings.onEvent('bye', [byeOf({ code: 3504, afterMs: 30_000 })]),
    30_000,
  ],
  [
    'brings more events than fit in memory',
    ({ brings }) => {
      for (let n = 0; n <= 10_000; n += 1) brings.onEvent('online', [{ n }]);
    },
    1_000,
  ],
  ['is refused in a room for now', ({ asked }) => asked[0]?.answer(refuse('unavailable', 'away', 90)), 90],
  [
    'is refused in its first room for now',
    ({ brings }) => brings.onEvent('refused', [{ event: 'join', ...refuse('unavailable', 'away', 90) }]),
    90,
  ],
  ['does not arrive in time', () => vi.advanceTimersByTimeAsync(10_000), 1_000],
])('tries again while the old one serves if the second connection %s', async (_, break_, waitMs) => {
  const { attempts, arrivals, opened, failures } = stage();
  const second = await opened();
  second.brings.onEvent('hello', [HELLO]);
  await break_(second);
  expect(second.calls).toEqual(['close', 'abandon']);
  await vi.advanceTimersByTimeAsync(waitMs - 1);
  expect(attempts).toHaveLength(1);
  const third = await opened(1);
  expect(attempts).toHaveLength(2);
  third.brings.onEvent('hello', [HELLO]);
  for (const { answer } of third.asked) answer(joinedOf('tea', 5));
  expect([arrivals.length, failures()]).toEqual([1, 0]);
});

it.each<[string, (second: FakeAttempt) => void]>([
  ['is refused', ({ brings }) => brings.onRefused(refusalOf('unauthorized', 'no token'))],
  ['belongs to another user', ({ brings }) => brings.onEvent('hello', [{ ...HELLO, user: { id: 'g-2' } }])],
  ['is ended for good', ({ brings }) => brings.onEnded()],
])('gives up if the second connection %s', async (_, break_) => {
  const { move, old, attempts, opened, failures } = stage();
  const second = await opened();
  break_(second);
  expect(second.calls).toEqual(['close', 'abandon']);
  expect([failures(), move.isUnderway(), old.calls]).toEqual([1, false, []]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(attempts).toHaveLength(1);
});

it.each<[string, (second: FakeAttempt) => void]>([
  ['are refused', ({ brings }) => brings.onRefused(refusalOf('unauthorized', 'expired'))],
  ['expire', ({ brings }) => brings.onEvent('bye', [byeOf({ code: 3500 })])],
])('tries other credentials while the old connection serves if the current ones %s', async (_, break_) => {
  const codes: string[] = [];
  const { old, attempts, opened, failures } = stage({
    renew: ({ code }) => codes.push(code) === 1,
  });
  break_(await opened());
  const third = await opened(0);
  expect([attempts.length, codes, failures(), old.calls]).toEqual([2, ['unauthorized'], 0, []]);
  break_(third);
  expect(failures()).toBe(1);
});

it('stays on the old connection if the server does not want the second one back', async () => {
  const { move, old, attempts, opened, failures } = stage();
  (await opened()).brings.onEvent('bye', [byeOf({ code: 3503, reconnect: false })]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([attempts.length, failures(), move.isUnderway(), old.calls]).toEqual([1, 0, false, []]);
});

it('connects no second time while it is paused, and starts again after it', async () => {
  const { move, attempts, opened, failures } = stage();
  const second = await opened();
  move.pause();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([second.calls, attempts.length]).toEqual([['close', 'abandon'], 1]);
  move.resume();
  await opened(1_000);
  expect([attempts.length, failures()]).toEqual([2, 0]);
});

it('waits for a place beyond the longest timer as long as a timer can', async () => {
  const { attempts, opened } = stage();
  (await opened()).brings.onEvent('bye', [byeOf({ code: 3504, afterMs: 2 ** 31 })]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(attempts).toHaveLength(1);
});

it('takes over without a room that refuses it for good', async () => {
  const { arrivals, opened, failures } = stage({ handshakeJoin: () => TEA });
  const second = await opened();
  second.brings.onEvent('hello', [HELLO]);
  second.brings.onEvent('refused', [{ event: 'join', ...refuse('forbidden', 'not you') }]);
  expect(arrivals).toHaveLength(0);
  second.asked[0]?.answer(refuse('limit', 'the room is full'));
  expect([arrivals.length, arrivals[0]?.joined.size, failures()]).toEqual([1, 0, 0]);
});

it('gives the second connection away when the old one is lost, with what it has', async () => {
  const { move, old, arrivals, opened } = stage();
  const second = await opened();
  second.brings.onEvent('hello', [HELLO]);
  second.asked[0]?.answer(joinedOf('tea', 5));
  const taken = move.takeOver();
  expect(taken).toMatchObject({ attempt: second, hello: HELLO });
  expect([...(taken?.joined.keys() ?? [])]).toEqual(['tea']);
  second.asked[1]?.answer(joinedOf('sea', 9));
  await vi.advanceTimersByTimeAsync(60_000);
  expect([arrivals, second.calls, old.calls]).toEqual([[], [], []]);
});

it('has nothing to give away before it connects', async () => {
  const { move, attempts } = stage();
  expect(move.takeOver()).toBeUndefined();
  move.end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(attempts).toHaveLength(0);
});

it('closes the old connection five seconds after it took over, answered or not', async () => {
  const { old, opened } = stage({ roomJoins: () => [] });
  const second = await opened();
  second.brings.onEvent('hello', [HELLO]);
  await vi.advanceTimersByTimeAsync(4_999);
  expect(old.calls).toEqual(['retire']);
  await vi.advanceTimersByTimeAsync(1);
  expect(old.calls).toEqual(['retire', 'close', 'abandon']);
  expect(second.calls).toEqual([]);
});
