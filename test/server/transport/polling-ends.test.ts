import { once } from 'node:events';
import { request, type Server } from 'node:http';
import type { Socket as Connection } from 'engine.io';
import { Server as SocketServer } from 'socket.io';
import { io as connect, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RefusingEngine } from '../../../src/server/transport/polling-ends.ts';
import { openEngineServer } from './engine-server.ts';

/** Status and packets of a poll. */
interface Polled {
  readonly status: number;
  readonly packets: readonly string[];
}

const CLOSE = '1';
const GONE: Polled = { status: 400, packets: ['{"code":1,"message":"Session ID unknown"}'] };

describe('the end of a polling session', () => {
  let engine: RefusingEngine;
  let server: Server;
  let url = '';
  beforeEach(() => start());
  afterEach(() => stop());

  async function start(options: ConstructorParameters<typeof RefusingEngine>[0] = {}): Promise<void> {
    engine = new RefusingEngine(options);
    const opened = await openEngineServer(engine);
    server = opened.http;
    url = `http://127.0.0.1:${opened.port}`;
  }
  function stop(): void {
    engine.close();
    server.closeAllConnections();
    server.close();
  }

  const address = (sid = '') => `${url}/engine.io/?EIO=4&transport=polling&sid=${sid}`;
  async function poll(sid: string): Promise<Polled> {
    const answer = await fetch(address(sid));
    return { status: answer.status, packets: (await answer.text()).split('\x1e') };
  }
  const post = async (sid: string) => {
    const answer = await fetch(address(sid), { method: 'POST', body: '4x' });
    return { status: answer.status, text: await answer.text() };
  };
  async function open(): Promise<{ connection: Connection; sid: string }> {
    const connected = once(engine, 'connection') as Promise<[Connection]>;
    await fetch(`${url}/engine.io/?EIO=4&transport=polling`);
    const [connection] = await connected;
    return { connection, sid: (connection as unknown as { readonly id: string }).id };
  }
  /** Sends a poll and waits until the server has it. */
  async function waiting(connection: Connection, sid: string): Promise<{ answer: Promise<Polled> }> {
    const had = new Promise((resolve) => connection.transport.once('ready', resolve as () => void));
    const answer = poll(sid);
    await had;
    return { answer };
  }

  it('is a refused poll and not a CLOSE packet', async () => {
    const { connection, sid } = await open();
    const { answer } = await waiting(connection, sid);
    connection.close();
    expect(await answer).toEqual(GONE);
    expect(await poll(sid)).toEqual(GONE);
  });

  it.each(['before', 'after'])(
    'comes after everything sent, with a poll that was open %s it',
    async (when) => {
      const { connection, sid } = await open();
      const early = when === 'before' ? await waiting(connection, sid) : undefined;
      const ended = new Promise((resolve) => connection.once('close', resolve));
      connection.write('bye');
      connection.close();
      expect(await (early?.answer ?? poll(sid))).toEqual({ status: 200, packets: ['4bye'] });
      expect(connection.readyState).toBe('closing');
      expect(await poll(sid)).toEqual(GONE);
      expect(await ended).toBe('forced close');
    },
  );

  it('accepts POSTs before and after the poll is refused', async () => {
    const { connection, sid } = await open();
    const ended = new Promise((resolve) => connection.once('close', resolve));
    const heard: unknown[] = [];
    connection.on('message', (data) => heard.push(data));
    connection.write('bye');
    connection.close();
    expect(await poll(sid)).toEqual({ status: 200, packets: ['4bye'] });
    expect(await post(sid)).toEqual({ status: 200, text: 'ok' });
    expect(await poll(sid)).toEqual(GONE);
    expect(await post(sid)).toEqual({ status: 200, text: 'ok' });
    expect(heard).toEqual([]);
    await ended;
    expect((await post(sid)).status).toBe(400);
  });

  it('waits while the client sends', async () => {
    const { connection, sid } = await open();
    connection.close();
    const sending = request(address(sid), { method: 'POST' });
    sending.write('4');
    await once(server, 'request');
    const polled = poll(sid);
    await once(server, 'request');
    let refused = false;
    void polled.then(() => (refused = true));
    sending.end('x');
    await once(sending, 'response');
    expect(refused).toBe(false);
    expect(await polled).toEqual(GONE);
  });

  it('cuts off a client that misses it and goes on sending', async () => {
    const { connection, sid } = await open();
    connection.close();
    expect(await poll(sid)).toEqual(GONE);
    const sent: number[] = [];
    await expect(
      (async () => {
        while (connection.readyState === 'closing') sent.push((await post(sid)).status);
      })(),
    ).rejects.toThrow('fetch failed');
    expect(connection.readyState).toBe('closing');
    expect(new Set(sent)).toEqual(new Set([200]));
  });

  it('is the same after a ping timeout', async () => {
    stop();
    await start({ pingInterval: 5, pingTimeout: 5 });
    const { connection, sid } = await open();
    const ended = new Promise((resolve) => connection.once('close', resolve));
    const polled: Polled[] = [];
    while (polled.at(-1)?.status !== 400) polled.push(await poll(sid));
    expect(await ended).toBe('ping timeout');
    expect(polled.flatMap(({ packets }) => packets)).not.toContain(CLOSE);
    expect(polled.at(-1)).toEqual(GONE);
  });

  it('is a CLOSE packet for a client that breaks the protocol', async () => {
    const { connection, sid } = await open();
    const { answer } = await waiting(connection, sid);
    expect((await poll(sid)).status).toBe(400);
    expect(await answer).toEqual({ status: 200, packets: [CLOSE] });
    expect((await post(sid)).status).toBe(400);
  });

  it('reaches a polling client when the whole engine closes', async () => {
    const { connection, sid } = await open();
    const { answer } = await waiting(connection, sid);
    engine.close();
    expect((await answer).packets).not.toContain(CLOSE);
    expect(await poll(sid)).toEqual(GONE);
  });

  describe('of a stock client', () => {
    let clients: Socket[] = [];
    afterEach(() => {
      for (const client of clients) client.close();
      clients = [];
    });

    it.each([[['polling']], [['polling', 'websocket']], [['websocket']]])(
      'over %j comes back',
      async (transports) => {
        const io = new SocketServer();
        io.bind(engine);
        const client = connect(url, {
          path: '/engine.io/',
          transports,
          reconnectionDelay: 1,
          forceNew: true,
        });
        clients.push(client);
        await once(client as never, 'connect');
        const first = client.id;
        const [socket] = [...io.sockets.sockets.values()];
        socket?.emit('bye');
        socket?.conn.close();
        await once(client as never, 'disconnect');
        await once(client as never, 'connect');
        expect(client.id).not.toBe(first);
      },
    );

    it('is final for a client that was told not to reconnect', async () => {
      const io = new SocketServer();
      io.bind(engine);
      const client = connect(url, { path: '/engine.io/', transports: ['polling'], forceNew: true });
      clients.push(client);
      await once(client as never, 'connect');
      const ended = once(client as never, 'disconnect');
      io.disconnectSockets(true);
      expect((await ended)[0]).toBe('io server disconnect');
      expect(client.active).toBe(false);
    });
  });
});
