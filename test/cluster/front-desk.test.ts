import type { Worker } from 'node:cluster';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createFrontDesk } from '../../src/cluster/front-desk.ts';

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

test('keeps no more than 16 MiB of first bytes for a worker that takes nothing', async () => {
  const { worker, takeAll } = createStalledWorker();
  const desk = createFrontDesk({ worker, now: () => 0, onSession: () => {} });
  desk.serving = true;
  const socket = await openSocket();
  const bytes = Buffer.alloc(64 * 1024);
  let taken = 0;
  while (desk.handOver(socket, bytes)) taken += 1;
  expect(taken * bytes.length).toBeLessThanOrEqual(17 * MIB);
  expect(desk.load()).toBe(Number.POSITIVE_INFINITY);
  takeAll();
  expect(desk.load()).toBe(0);
  expect(desk.handOver(socket, bytes)).toBe(true);
});

test('gives nothing new to a worker that has not taken a connection for two seconds', async () => {
  let nowMs = 0;
  const { worker, takeAll } = createStalledWorker();
  const desk = createFrontDesk({ worker, now: () => nowMs, onSession: () => {} });
  desk.serving = true;
  desk.handOver(await openSocket(), Buffer.from('GET'));
  expect(desk.load()).toBe(1);
  nowMs = 2_001;
  expect(desk.load()).toBe(Number.POSITIVE_INFINITY);
  takeAll();
  expect(desk.load()).toBe(0);
});

test('knows the sessions its worker has, and closes with it what was on its way there', async () => {
  const heard: string[] = [];
  const { worker, says } = createStalledWorker();
  const desk = createFrontDesk({ worker, now: () => 0, onSession: (sessionId) => heard.push(sessionId) });
  says('sticky:connection', 'a');
  says('sticky:connection', 'b');
  says('sticky:disconnection', 'a');
  expect([heard, desk.has('a'), desk.has('b')]).toEqual([['a', 'b'], false, true]);
  const socket = await openSocket();
  desk.handOver(socket, Buffer.from('GET'));
  desk.release();
  expect(socket.destroyed).toBe(true);
});
