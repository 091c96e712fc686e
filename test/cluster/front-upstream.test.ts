import type { Worker } from 'node:cluster';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createFrontUpstream } from '../../src/cluster/front-upstream.ts';

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

test('sends nothing new to a worker that has accepted no connection for two seconds', async () => {
  let nowMs = 0;
  const { worker, takeAll } = createStalledWorker();
  const upstream = createFrontUpstream({ worker, now: () => nowMs, onSession: () => {} });
  upstream.serving = true;
  upstream.handOver(await openSocket(), Buffer.from('GET'));
  expect(upstream.load()).toBe(1);
  nowMs = 2_001;
  expect(upstream.load()).toBe(Number.POSITIVE_INFINITY);
  takeAll();
  expect(upstream.load()).toBe(0);
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
