import { expect, test, vi } from 'vitest';
import { createIpcChannel } from '../../src/cluster/ipc-channel.ts';
import { type Outcome, refuse, succeed } from '../../src/protocol/codes.ts';
import { createPortPair } from './fake-port.ts';
import { silentLog } from './silent-log.ts';

function createPair(defaultTimeoutMs = 1_000) {
  const [near, far] = createPortPair();
  const options = { log: silentLog, defaultTimeoutMs };
  return { near, far, asking: createIpcChannel(near, options), serving: createIpcChannel(far, options) };
}

test('a request is answered by the handler of its kind', async () => {
  const { asking, serving } = createPair();
  serving.onRequest('double', (n: number) => succeed(n * 2));
  serving.onRequest('refuse', async () => refuse('limit', 'too many'));
  expect(await asking.request('double', 21)).toEqual({ ok: true, value: 42 });
  expect(await asking.request('refuse', {})).toMatchObject({ ok: false, error: { code: 'limit' } });
});

test('both ends may ask at the same time, with the same numbers', async () => {
  const { asking, serving } = createPair();
  serving.onRequest('who', () => succeed('far'));
  asking.onRequest('who', () => succeed('near'));
  const answers = await Promise.all([asking.request('who', {}), serving.request('who', {})]);
  expect(answers).toEqual([
    { ok: true, value: 'far' },
    { ok: true, value: 'near' },
  ]);
});

test('notices and requests of one sender arrive in the order sent', async () => {
  const { asking, serving } = createPair();
  const seen: number[] = [];
  const note = (n: number) => {
    seen.push(n);
  };
  serving.onNotice('note', note);
  serving.onRequest('ask', (n: number) => {
    note(n);
    return succeed(undefined);
  });
  const answers: Promise<unknown>[] = [];
  for (let n = 0; n < 50; n++) {
    if (n % 3 === 0) answers.push(asking.request('ask', n));
    else asking.notify('note', n);
  }
  await Promise.all(answers);
  await asking.flushed();
  expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => n));
});

test('a handler that throws or rejects is answered as internal, and the next request works', async () => {
  const { asking, serving } = createPair();
  serving.onRequest('throws', () => {
    throw new Error('bug');
  });
  serving.onRequest('rejects', async () => {
    throw new Error('bug');
  });
  serving.onNotice('throws', () => {
    throw new Error('bug');
  });
  serving.onRequest('works', () => succeed(1));
  asking.notify('throws', {});
  expect(await asking.request('throws', {})).toMatchObject({ ok: false, error: { code: 'internal' } });
  expect(await asking.request('rejects', {})).toMatchObject({ ok: false, error: { code: 'internal' } });
  expect(await asking.request('unknown', {})).toMatchObject({ ok: false, error: { code: 'internal' } });
  expect(await asking.request('works', {})).toEqual({ ok: true, value: 1 });
});

test('a request without an answer is unavailable after its time limit, and a late answer is ignored', async () => {
  vi.useFakeTimers();
  try {
    const { asking, serving } = createPair(500);
    let answer: (outcome: ReturnType<typeof succeed<number>>) => void = () => {};
    serving.onRequest('slow', () => new Promise<Outcome<number>>((resolve) => (answer = resolve)));
    const first = asking.request('slow', {});
    const own = asking.request('slow', {}, 200);
    await vi.advanceTimersByTimeAsync(200);
    expect(await own).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
    await vi.advanceTimersByTimeAsync(300);
    expect(await first).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    answer(succeed(1));
    await vi.advanceTimersByTimeAsync(0);
    serving.onRequest('works', () => succeed(2));
    expect(await asking.request('works', {})).toEqual({ ok: true, value: 2 });
  } finally {
    vi.useRealTimers();
  }
});

test('when the other process goes away, waiting and later requests fail at once', async () => {
  const { near, asking, serving } = createPair(60_000);
  serving.onRequest('never', () => new Promise(() => {}));
  const waiting = asking.request('never', {});
  const closed = vi.fn();
  asking.onClose(closed);
  near.close();
  near.close();
  expect(await waiting).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  expect(await asking.request('never', {})).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  expect(closed).toHaveBeenCalledTimes(1);
});

test('a request that cannot be sent fails at once', async () => {
  const { near, asking } = createPair(60_000);
  expect(await asking.request('x', () => 'a function')).toMatchObject({
    ok: false,
    error: { code: 'internal' },
  });
  near.fail(new Error('EPIPE'));
  expect(await asking.request('x', {})).toMatchObject({ ok: false, error: { code: 'unavailable' } });
});

test('an answer that cannot be sent is answered as internal', async () => {
  const { asking, serving } = createPair(60_000);
  serving.onRequest('x', () => succeed(() => 'a function'));
  expect(await asking.request('x', {})).toMatchObject({ ok: false, error: { code: 'internal' } });
});

test('messages of sticky and of the adapter on the same channel are left alone', () => {
  const [near] = createPortPair();
  const onForeignVersions = vi.fn();
  const ipc = createIpcChannel(near, { log: silentLog, onForeignVersions });
  const heard = vi.fn();
  ipc.onNotice('note', heard);
  near.receive({ type: 'sticky:connection', data: 'sid' });
  near.receive({ source: '_sio_adapter', type: 3 });
  near.receive('text');
  near.receive(null);
  expect(heard).not.toHaveBeenCalled();
  expect(onForeignVersions).not.toHaveBeenCalled();
});
