import { once } from 'node:events';
import { connect as connectTcp, type Socket as TcpSocket } from 'node:net';
import { Server as Engine } from 'engine.io';
import { Server, type Socket } from 'socket.io';
import { type Socket as Client, io as connect, Manager } from 'socket.io-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import { isOriginAllowed } from '../../../src/server/transport/origins.ts';
import { shrinkConnection } from '../../../src/server/transport/private-members.ts';
import { eventually } from '../../support/eventually.ts';
import { openEngineServer } from './engine-server.ts';

type Transport = 'websocket' | 'polling';

/** A Socket.IO server that shrinks every connection it admits. */
async function server({ keepsHeaders = false } = {}) {
  const engine = new Engine({ allowEIO3: true });
  const io = new Server({ serveClient: false });
  io.bind(engine);
  const { http, port } = await openEngineServer(engine);
  const sockets: Socket[] = [];
  const handshakes: { url: string; query: object; headers: object }[] = [];
  const gone: string[] = [];
  for (const name of ['/', '/post']) {
    const nsp = io.of(name);
    nsp.use(({ handshake: { url, query, headers } }, next) => {
      handshakes.push({ url, query, headers });
      next();
    });
    nsp.on('connection', (socket) => {
      sockets.push(socket);
      socket.onAny((event, ...args) => {
        const ack = args.at(-1);
        if (typeof ack === 'function') ack(event);
      });
      socket.on('disconnect', (reason) => gone.push(`${name} ${reason}`));
      shrinkConnection(socket as unknown as ClientSocket, { keepsHeaders });
    });
  }
  const url = `http://127.0.0.1:${port}`;
  onTestFinished(async () => {
    await io.close();
    http.close();
  });

  async function client(transports: Transport[], extraHeaders = {}): Promise<Client> {
    const socket = connect(`${url}?roomid=tea`, { transports, extraHeaders, forceNew: true });
    onTestFinished(() => void socket.close());
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return socket;
  }
  return { io, url, sockets, handshakes, gone, client };
}

describe.each<{ transports: Transport[] }>([
  { transports: ['websocket'] },
  { transports: ['polling'] },
  { transports: ['polling', 'websocket'] },
])('a connection of $transports that was shrunk', ({ transports }) => {
  it('carries events and acks both ways and ends like any other', async () => {
    const { io, sockets, gone, client } = await server();
    const one = await client(transports);
    if (transports.length > 1) await eventually(() => expect(one.io.engine.transport.name).toBe('websocket'));
    expect(await one.emitWithAck('asked', 1)).toBe('asked');
    one.on('asks', (answer) => answer('told'));
    expect(await sockets[0]?.timeout(5_000).emitWithAck('asks')).toBe('told');
    expect(await io.timeout(5_000).emitWithAck('asks')).toEqual(['told']);
    one.close();
    await eventually(() => expect(gone).toEqual(['/ client namespace disconnect']));
    await eventually(() => expect(io.engine.clientsCount).toBe(0));
  });

  it('notices a lost client', async () => {
    const { io, gone, client } = await server();
    const one = await client(transports);
    if (transports.length > 1) await eventually(() => expect(one.io.engine.transport.name).toBe('websocket'));
    one.io.engine.close();
    await eventually(() => expect(gone).toHaveLength(1));
    await eventually(() => expect(io.engine.clientsCount).toBe(0));
  });

  it('enters another namespace with its original URL', async () => {
    const { url, handshakes, gone, io } = await server();
    const manager = new Manager(`${url}?roomid=tea`, { transports, query: { roomid: 'tea' } });
    const [main, post] = [manager.socket('/'), manager.socket('/post')];
    onTestFinished(() => void manager._close());
    await eventually(() => expect([main.connected, post.connected]).toEqual([true, true]));
    expect(handshakes).toHaveLength(2);
    expect(handshakes[1]?.query).toEqual(handshakes[0]?.query);
    expect(handshakes[1]).toMatchObject({ url: handshakes[0]?.url, query: { roomid: 'tea' } });
    main.disconnect();
    post.disconnect();
    await eventually(() => expect(gone).toHaveLength(2));
    await eventually(() => expect(io.engine.clientsCount).toBe(0));
  });
});

describe('a shrunk connection', () => {
  it('keeps the headers that identify its user, in token mode', async () => {
    for (const keepsHeaders of [true, false]) {
      const { url, sockets, client } = await server({ keepsHeaders });
      const headers = { cookie: 'token=t', authorization: 'Bearer b', origin: url, 'x-other': 'o' };
      await client(['websocket'], headers);
      const { 'x-other': _, ...kept } = headers;
      const left = sockets[0]?.request.headers ?? {};
      expect(left).toEqual(keepsHeaders ? { ...kept, host: new URL(url).host } : {});
      expect(isOriginAllowed({ headers: left }, undefined)).toBe(true);
    }
  });

  it('survives events named like members of Object.prototype', async () => {
    const { client } = await server();
    const one = await client(['websocket']);
    for (const event of ['constructor', 'toString', '__proto__', 'error', 'hasOwnProperty']) {
      expect(await one.emitWithAck(event)).toBe(event);
    }
  });

  it('reads long messages in fragments, and many at once, unchanged', async () => {
    const { url, sockets } = await server();
    const connection = openRaw(url);
    await once(connection, 'data');
    connection.write(frame('40'));
    await eventually(() => expect(sockets).toHaveLength(1));
    const heard: unknown[] = [];
    sockets[0]?.onAny((event, text) => heard.push([event, text]));
    const texts = Array.from({ length: 60 }, (_, n) => `${n} `.repeat(n * n));
    const bytes = Buffer.concat(texts.map((text) => frame(`42${JSON.stringify(['say', text])}`)));
    for (let from = 0; from < bytes.length; ) {
      const length = 1 + ((from * 7919) % 3_000);
      connection.write(bytes.subarray(from, from + length));
      from += length;
      if (from % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => expect(heard).toEqual(texts.map((text) => ['say', text])));
  });
});

/** A WebSocket whose bytes the test writes. */
function openRaw(url: string): TcpSocket {
  const { port, host } = new URL(url);
  const connection = connectTcp(Number(port), '127.0.0.1');
  onTestFinished(() => void connection.destroy());
  connection.setNoDelay(true);
  connection.write(
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  return connection;
}

/** A masked client frame. */
function frame(text: string): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const payload = Buffer.from(text).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  const size =
    payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x81, ...size]), mask, payload]);
}
