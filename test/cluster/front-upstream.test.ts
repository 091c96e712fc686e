import type { Worker } from 'node:cluster';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { chooseUpstream, createFrontUpstream } from '../../src/cluster/front-upstream.ts';

const MIB = 1024 * 1024;
const closers: Array<() => void> = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function openSocket(): Promise<Socket> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  closers.push(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return socket;
}

/** A worker that takes nothing until told to. */
function createStalledWorker() {
  const waiting: Array<(error: Error | null) => void> = [];
  const worker = Object.assign(new EventEmitter(), {
    send(_message: object, _socket: Socket, callback: (error: Error | null) => void) {
      waiting.push(callback);
      return true;
    },
  });
  return {
    worker: worker as unknown as Worker,
    says: (type: string, data: string) => worker.emit('message', { type, data }),
    takeOne: () => waiting.shift()?.(null),
    takeAll: () => waiting.splice(0).forEach((taken) => void taken(null)),
  };
}

test('keeps at most 16 MiB of first bytes for a worker that accepts nothing', async () => {
  const { worker, takeAll } = createStalledWorker();
  const upstream = createFrontUpstream({ worker, now: () => 0, onSession: () => {} });
  upstream.serving = true;
  const socket = await openSocket();
  const bytes = Buffer.alloc(64 * 1024);
  let taken = 0;
  while (upstream.handOver(socket, bytes)) taken += 1;
  expect(taken * bytes.length).toBeLessThanOrEqual(17 * MIB);
  expect(upstream.load()).toBe(Number.POSITIVE_INFINITY);
  takeAll();
  expect(upstream.load()).toBe(0);
  expect(upstream.handOver(socket, bytes)).toBe(true);
});

test('sends new sessions to a worker that has accepted no connection for two seconds only if there is no other', async () => {
  let nowMs = 0;
  const { worker, takeAll } = createStalledWorker();
  const upstream = createFrontUpstream({ worker, now: () => nowMs, onSession: () => {} });
  upstream.serving = true;
  upstream.handOver(await openSocket(), Buffer.from('GET'));
  expect(upstream.load()).toBe(1);
  const other = createFrontUpstream({ ...createStalledWorker(), now: () => nowMs, onSession: () => {} });
  other.serving = true;
  nowMs = 1_000;
  for (const _ of [1, 2]) other.handOver(await openSocket(), Buffer.from('GET'));
  expect(chooseUpstream([], [upstream, other])).toBe(upstream);
  nowMs = 2_001;
  expect(chooseUpstream([], [upstream, other])).toBe(other);
  expect(chooseUpstream([upstream], [upstream, other])).toBe(other);
  expect(chooseUpstream([], [upstream])).toBe(upstream);
  upstream.serving = false;
  expect(chooseUpstream([], [upstream])).toBeUndefined();
  upstream.serving = true;
  takeAll();
  expect(chooseUpstream([], [upstream, other])).toBe(upstream);
});

test('a long queue for a worker that accepts one connection after another does not stall it', async () => {
  let nowMs = 0;
  const { worker, takeOne } = createStalledWorker();
  const upstream = createFrontUpstream({ worker, now: () => nowMs, onSession: () => {} });
  for (const _ of [1, 2, 3]) upstream.handOver(await openSocket(), Buffer.from('GET'));
  for (const takenAtMs of [1_500, 3_000]) {
    nowMs = takenAtMs;
    takeOne();
    expect(upstream.isStalled()).toBe(false);
  }
  nowMs = 5_001;
  expect(upstream.isStalled()).toBe(true);
});

test('knows the sessions of its worker, and closes the sockets on their way there with it', async () => {
  const heard: string[] = [];
  const { worker, says } = createStalledWorker();
  const upstream = createFrontUpstream({
    worker,
    now: () => 0,
    onSession: (sessionId) => heard.push(sessionId),
  });
  says('sticky:connection', 'a');
  says('sticky:connection', 'b');
  says('sticky:disconnection', 'a');
  expect([heard, upstream.hasSession('a'), upstream.hasSession('b')]).toEqual([['a', 'b'], false, true]);
  const socket = await openSocket();
  upstream.handOver(socket, Buffer.from('GET'));
  upstream.release();
  expect(socket.destroyed).toBe(true);
});
