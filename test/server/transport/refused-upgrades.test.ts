import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { createConnectLimit } from '../../../src/server/transport/connect-limit.ts';
import { createChatEngine } from '../../../src/server/transport/engine.ts';

const FREE = createConnectLimit({
  rate: undefined,
  addresses: { counted: () => undefined },
  now: () => 0,
});
const BUSY = { ...FREE, take: () => 1_000 };
const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket';

/** Everything a client receives that never closes its end by itself. */
async function upgrade(target: string, headers = '', connectLimit = FREE): Promise<string> {
  const { engine, route } = createChatEngine({
    socketPath: '/socket.io/',
    corsOrigin: '*',
    allowEio3: false,
    pingIntervalMs: 25_000,
    pingTimeoutMs: 20_000,
    onConnection: () => undefined,
    maxWorkerClients: 0,
    onFull: () => undefined,
    connectLimit,
  });
  const nothing = () => undefined;
  const server = createServer().on('upgrade', route(nothing, nothing).onUpgrade).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    allowHalfOpen: true,
  });
  let heard = '';
  socket.on('data', (data) => {
    heard += data;
    if (heard.startsWith('HTTP/1.1 101')) socket.destroy();
  });
  socket.on('error', () => {});
  const closed = new Promise((resolve) => server.on('connection', (peer) => peer.once('close', resolve)));
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}${headers}\r\n`,
  );
  await closed;
  engine.close();
  server.close();
  return heard.split('\r\n', 1)[0] ?? '';
}

test.concurrent.each([
  ['to an unknown path', '/elsewhere', '', FREE, '404 Not Found'],
  ['of an address that connects too often', WEBSOCKET, '', BUSY, '429 Too Many Requests'],
  ['with a body', WEBSOCKET, 'Content-Length: 5\r\n', FREE, '400 Bad Request'],
  ['with a body in chunks', WEBSOCKET, 'Transfer-Encoding: chunked\r\n', FREE, '400 Bad Request'],
])('an upgrade %s is answered, and its connection closed', async (_what, target, headers, limit, status) => {
  expect(await upgrade(target, headers, limit)).toBe(`HTTP/1.1 ${status}`);
});

test.each(['', 'X-Note: content-length: 5\r\n', 'Content-Length: 0\r\n'])(
  'an upgrade without a body is taken: %j',
  async (headers) => {
    expect(await upgrade(WEBSOCKET, headers)).toBe('HTTP/1.1 101 Switching Protocols');
  },
);
