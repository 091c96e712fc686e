import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let echo: Server;
let proxy: TcpProxy;
let clients: { socket: Socket; heard: () => string; closedBy: () => string | undefined }[];

beforeEach(async () => {
  clients = [];
  echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await openTcpProxy({ port: (echo.address() as AddressInfo).port });
});
afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  await proxy.close();
  echo.close();
});

async function client() {
  const socket = connect(proxy.port, '127.0.0.1');
  let heard = '';
  let closedBy: string | undefined;
  socket.on('data', (bytes) => (heard += bytes));
  socket.on('error', (error: NodeJS.ErrnoException) => (closedBy = error.code));
  socket.on('close', () => (closedBy ??= 'end'));
  await once(socket, 'connect');
  const it = { socket, heard: () => heard, closedBy: () => closedBy };
  clients.push(it);
  return it;
}

it('carries bytes both ways and the end of the connection', async () => {
  const ann = await client();
  ann.socket.write('hello');
  await eventually(() => expect(ann.heard()).toBe('hello'));
  expect(proxy.accepted).toBe(1);
  ann.socket.end('bye');
  await eventually(() => expect(ann.closedBy()).toBe('end'));
  expect(ann.heard()).toBe('hellobye');
  await eventually(() => expect(proxy.open).toBe(0));
});

it('resets the connections that it is to cut, and only those', async () => {
  const [ann, bob] = [await client(), await client()];
  ann.socket.write('a');
  await eventually(() => expect(ann.heard()).toBe('a'));
  expect(proxy.cut((port) => port === ann.socket.localPort)).toBe(1);
  await eventually(() => expect(ann.closedBy()).toBe('ECONNRESET'));
  bob.socket.write('b');
  await eventually(() => expect(bob.heard()).toBe('b'));
});

it('holds a connection half open, lets others pass, and delivers what was held in its order', async () => {
  const [ann, bob] = [await client(), await client()];
  for (const { socket } of [ann, bob]) socket.write('1');
  await eventually(() => expect(ann.heard() + bob.heard()).toBe('11'));
  proxy.hold((port) => port === ann.socket.localPort);
  ann.socket.write('2');
  ann.socket.end('3');
  const later = await client();
  for (const { socket } of [bob, later]) socket.write('2');
  await eventually(() => expect(bob.heard() + later.heard()).toBe('122'));
  expect([ann.heard(), ann.closedBy()]).toEqual(['1', undefined]);
  proxy.release();
  await eventually(() => expect(ann.closedBy()).toBe('end'));
  expect(ann.heard()).toBe('123');
});

it('holds later connections too if it is to', async () => {
  proxy.hold(() => true, true);
  const [late, other] = [await client(), await client()];
  late.socket.write('late');
  proxy.delay(1);
  await eventually(() => expect(proxy.accepted).toBe(2));
  expect(other.heard() + late.heard()).toBe('');
  proxy.release();
  await eventually(() => expect(late.heard()).toBe('late'));
});

it('keeps the order of bytes when their delay shrinks', async () => {
  const ann = await client();
  proxy.delay(60);
  ann.socket.write('slow ');
  // Whoever dials after it was sent is let in after it was read.
  await client();
  proxy.delay(0);
  ann.socket.write('fast');
  await eventually(() => expect(ann.heard()).toBe('slow fast'));
});

it('refuses new connections if it is to', async () => {
  proxy.refuse(true);
  const ann = await client().catch(() => undefined);
  await eventually(() => expect(clients[0]?.closedBy() ?? 'refused').toMatch(/ECONNRESET|refused/));
  proxy.refuse(false);
  expect(ann === undefined || proxy.accepted === 0).toBe(true);
});
