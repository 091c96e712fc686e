import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../support/eventually.ts';
import type { Connection } from './connection.ts';
import { openFrameConnection } from './frame-connection.ts';

let server: WebSocketServer;
let connection: Connection;
/** The first answer of the server to an event: these frames, in one write. */
let frames: readonly string[];
let heard: string[];

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (client: WebSocket, { socket }: { readonly socket: Socket }) => {
    client.send('0{"pingInterval":25000,"pingTimeout":20000}');
    client.on('message', (raw) => {
      const packet = raw.toString();
      if (packet.startsWith('40')) client.send('40{"sid":"s"}');
      if (!packet.startsWith('42')) return;
      socket.cork();
      for (const frame of frames) client.send(frame);
      socket.uncork();
    });
  });
  heard = [];
});
afterEach(async () => {
  connection.close();
  for (const client of server.clients) client.terminate();
  server.close();
  await once(server, 'close');
});

/** Resolves once the connection is up. */
function open(onEvent: (event: string) => unknown): Promise<void> {
  return new Promise((resolve) => {
    const { port } = server.address() as AddressInfo;
    connection = openFrameConnection({
      url: `http://127.0.0.1:${port}`,
      name: 'ann',
      onUp: resolve,
      onDown: (reason) => heard.push(reason),
      onEvent,
    });
  });
}

it('hands on an answer before the event behind it, also if one read brings both', async () => {
  frames = ['430[{"ok":true}]', '42["message",{}]', '42["message",{}]'];
  await open((event) => heard.push(event));
  await connection.ask('join', {});
  heard.push('answer');
  await eventually(() => expect(heard).toEqual(['answer', 'message', 'message']));
});

it('hands on nothing more of a connection that was given up, also if it has arrived', async () => {
  frames = ['42["first",{}]', '430[{"ok":true}]', '42["second",{}]'];
  await open((event) => {
    heard.push(event);
    connection.drop(600_000);
    heard.push(`up: ${connection.up}`);
  });
  const [client] = server.clients;
  const closed = once(client as WebSocket, 'close');
  expect(await connection.ask('join', {})).toBe(undefined);
  await closed;
  expect(heard).toEqual(['first', 'given up', 'up: false']);
});
