import { once } from 'node:events';
import type { Server } from 'node:http';
import { Server as Engine } from 'engine.io';
import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';

import { openDelivery } from '../../../src/server/delivery/delivery.ts';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import { partOf } from '../../support/part-of.ts';
import { openEngineServer } from '../transport/engine-server.ts';

/** Records what each system call writes to the streams that the server accepts. */
function recordWrites(server: Server): string[] {
  const calls: string[] = [];
  server.on('connection', (stream) => {
    const { _write: one, _writev: several } = stream;
    stream._write = (chunk, ...rest) => {
      calls.push(String(chunk));
      one.call(stream, chunk, ...rest);
    };
    stream._writev = (chunks, done) => {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      several?.call(stream, chunks, done);
    };
  });
  return calls;
}

async function setUp() {
  const engine = new Engine();
  const { http, port } = await openEngineServer(engine);
  const calls = recordWrites(http);
  const delivery = await openDelivery({
    of: () => {
      throw new Error('no room has a member');
    },
    namespaces: [],
    engine,
    flushWindowMs: 0,
    saturation: { level: () => 0, spared: () => undefined },
    onFlush: () => undefined,
    log: pino({ level: 'silent' }),
  });
  const connected = once(engine, 'connection');
  const client = new WebSocket(`ws://127.0.0.1:${port}/engine.io/?EIO=4&transport=websocket`);
  onTestFinished(() => {
    client.terminate();
    delivery.close();
    engine.close();
    http.close();
  });
  await once(client, 'message');
  const [conn] = (await connected) as [ClientSocket['conn']];
  return { calls, client, delivery, conn };
}

it('a new connection gets the switch to WebSocket and the first packet of Engine.IO in one system call', async () => {
  const { calls } = await setUp();
  expect(calls).toEqual([expect.stringMatching(/^HTTP\/1\.1 101 .*\r\n\r\n.*\{"sid":/s)]);
});

it('what a connection is sent in one turn leaves in order in one system call, past Engine.IO and by it', async () => {
  const { calls, client, delivery, conn } = await setUp();
  calls.length = 0;
  const { announcer } = delivery;
  const socket = partOf<ClientSocket>({ nsp: partOf<ClientSocket['nsp']>({ name: '/' }), conn });
  const heard: string[] = [];
  client.on('message', (data) => void heard.push(String(data)));
  announcer.sendTo(socket, 'online', { users: 1, clients: 1 });
  conn.write('2["refused",{}]');
  announcer.sendTo(socket, 'online', { users: 2, clients: 2 });
  await vi.waitUntil(() => heard.length === 3);
  expect(heard).toEqual([
    '42["online",{"users":1,"clients":1}]',
    '42["refused",{}]',
    '42["online",{"users":2,"clients":2}]',
  ]);
  expect(calls).toHaveLength(1);
});
