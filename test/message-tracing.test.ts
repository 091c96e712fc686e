import { expect, it } from 'vitest';
import { CHAT_MESSAGES } from '../src/chat-messages.ts';
import type { WorkerState } from '../src/cluster/control.ts';
import type { WorkerIpc } from '../src/cluster/ipc.ts';
import type { FoundMessages, WorkerTrace } from '../src/message-trace.ts';
import { createMessageTracing, parseTraceQuery } from '../src/message-tracing.ts';
import { type Outcome, refuse, succeed } from '../src/protocol/codes.ts';

const FOUND: FoundMessages = {
  nsp: '/',
  messages: [
    {
      nsp: '/',
      kind: 'room',
      roomid: 'tea',
      epoch: 'e',
      seq: 4,
      state: 'stored',
      first: 1,
      top: 9,
      author: 'ann',
    },
  ],
};
const POSITION = { nsp: '/', kind: 'room', roomid: 'tea', epoch: 'e', seq: 4, author: 'ann' };
const HANGS = refuse('unavailable', 'no answer within 3000 ms');

const traceOf = (host: string, slot: number): WorkerTrace => ({
  host,
  slot,
  pid: 100 + slot,
  instanceId: `${host}-${slot}`,
  deliveries: [],
  answers: [],
});

interface Worker {
  /** Its index, if absent. */
  readonly slot?: number;
  readonly state?: WorkerState;
  readonly hangs?: boolean;
}

/** A host `here` with these workers, and `other` hosts that answer over the bus with these traces. */
function stage(
  workers: readonly Worker[],
  elsewhere: readonly WorkerTrace[] = [],
  others: Record<string, number> = {},
  found = FOUND,
) {
  const asked: [slot: number, kind: string, body: unknown][] = [];
  const ipcs = workers.map(({ hangs, slot: given }, index) => {
    const slot = given ?? index;
    async function request(kind: string, body: unknown): Promise<Outcome<unknown>> {
      asked.push([slot, kind, body]);
      if (hangs) return HANGS;
      if (kind === CHAT_MESSAGES.findMessages) return succeed(found);
      return succeed(kind === CHAT_MESSAGES.traceElsewhere ? elsewhere : traceOf('here', slot));
    }
    return { slot, pid: 100 + index, instanceId: `here-${index}`, request } as unknown as WorkerIpc;
  });
  const inState = (...states: WorkerState[]) =>
    ipcs.filter((_, index) => states.includes(workers[index]?.state ?? 'ready'));
  const trace = createMessageTracing({
    host: 'here',
    workers: {
      ready: () => inState('ready'),
      withClients: () => inState('ready', 'draining'),
      status: () =>
        workers.map(({ state = 'ready' }, index) => ({
          slot: ipcs[index]?.slot ?? index,
          pid: 100 + index,
          port: 1,
          state,
          clients: 0,
          rooms: 0,
          loopDelayMs: 0,
          rssBytes: 0,
        })),
    },
    hosts: async () =>
      succeed(
        Object.entries({ here: workers.length, ...others }).map(([name, count]) => ({
          name,
          workers: count,
          clients: 0,
        })),
      ),
  });
  return { trace, asked };
}

it('asks one worker for the store and all for what they know, those that drain too', async () => {
  const { trace, asked } = stage([{}, { state: 'draining' }]);
  expect(await trace({ id: 'c-1', user: 'bob' })).toEqual(
    succeed({ ...FOUND, workers: [traceOf('here', 0), traceOf('here', 1)], silent: [] }),
  );
  const question = { nsp: '/', messages: [POSITION], id: 'c-1', userId: 'bob' };
  expect(asked).toEqual([
    [0, CHAT_MESSAGES.findMessages, { id: 'c-1', userId: 'bob' }],
    [0, CHAT_MESSAGES.traceDeliveries, question],
    [1, CHAT_MESSAGES.traceDeliveries, question],
  ]);
});

it('asks the next worker for the store if the first hangs, and names every worker that does', async () => {
  const { trace } = stage([{ hangs: true }, {}, { state: 'suspect' }]);
  expect(await trace({ room: 'tea', seq: '4' })).toMatchObject({
    ok: true,
    value: {
      messages: FOUND.messages,
      workers: [{ slot: 1 }],
      silent: [
        { host: 'here', slot: 0, pid: 100, reason: 'no answer within 3000 ms' },
        { host: 'here', slot: 2, pid: 102, reason: 'it is in state suspect' },
      ],
    },
  });
});

it('names the process that hangs during a reload, and none that does not serve yet', async () => {
  const draining = { slot: 0, state: 'draining', hangs: true } as const;
  const { trace } = stage([{ slot: 0 }, draining, { slot: 1 }, { slot: 2, state: 'starting' }]);
  expect(await trace({ room: 'tea', seq: '4' })).toMatchObject({
    value: { silent: [{ host: 'here', slot: 0, pid: 101, reason: 'no answer within 3000 ms' }] },
  });
});

it('says of a lost message that it is lost', async () => {
  const [found] = FOUND.messages;
  const { trace, asked } = stage([{}], [], {}, {
    ...FOUND,
    messages: [{ ...found, state: 'lost' }],
  } as FoundMessages);
  await trace({ id: 'c-1', room: 'tea' });
  expect(asked.at(-1)).toEqual([
    0,
    CHAT_MESSAGES.traceDeliveries,
    { nsp: '/', roomid: 'tea', messages: [{ ...POSITION, lost: true }], id: 'c-1' },
  ]);
});

it('counts the workers of other hosts that give no answer over the bus', async () => {
  const { trace } = stage([{}], [traceOf('there', 1), traceOf('here', 0)], { there: 2, yonder: 1 });
  expect(await trace({ id: 'c-1' })).toMatchObject({
    value: {
      workers: [
        { host: 'here', slot: 0 },
        { host: 'there', slot: 1 },
      ],
      silent: [
        { host: 'there', workers: 1, reason: 'no answer over the bus' },
        { host: 'yonder', workers: 1 },
      ],
    },
  });
});

it('is refused while no worker serves', async () => {
  const { trace } = stage([{ state: 'starting' }]);
  expect(await trace({ id: 'c-1' })).toMatchObject({ error: { code: 'unavailable' } });
});

it.each([
  [
    { id: 'c-1', room: 'tea' },
    { id: 'c-1', roomid: 'tea' },
  ],
  [
    { id: 'c-1', user: 'ann', to: 'bob' },
    { id: 'c-1', userId: 'ann', receiverId: 'bob' },
  ],
  [
    { room: 'tea', seq: '41', ns: '/post' },
    { roomid: 'tea', seq: 41, nsp: '/post' },
  ],
])('takes an id, or a room and a number: %j', (given, query) => {
  expect(parseTraceQuery(given)).toEqual(succeed(query));
});

it.each([
  [{}, 'give either'],
  [{ id: 'c-1', room: 'tea', seq: '4' }, 'give either'],
  [{ room: 'tea' }, 'give either'],
  [{ room: 'tea', seq: '0' }, 'seq:'],
  [{ room: 'tea', seq: '1e3' }, 'seq:'],
  [{ id: ['a', 'b'] }, 'id:'],
  [{ id: 'a', user: '' }, 'user:'],
  [{ id: 'a', room: '\u0000' }, 'room:'],
  [{ id: 'a', room: 'tea', to: 'bob' }, 'to: a message to a user'],
  [{ id: 'a', to: '' }, 'to: not a user id'],
  [{ id: 'a', ns: ['/', '/a'] }, 'ns:'],
])('refuses a question that it cannot understand: %j', (given, why) => {
  expect(parseTraceQuery(given)).toMatchObject({
    error: { code: 'bad_request', message: expect.stringContaining(why) },
  });
});
