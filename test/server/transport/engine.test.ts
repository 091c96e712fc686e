import { type EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createChatEngine } from '../../../src/server/transport/engine.ts';
import { CONTROL_FRAMES, MAX_FRAGMENTS } from '../../../src/server/transport/frame-limits.ts';

const LIMIT_MS = 10_000;

async function open(corsOrigin: '*' | undefined, take: () => number, maxWorkerClients = 0) {
  const onFull = vi.fn();
  const { io, route } = createChatEngine({
    socketPath: '/socket.io/',
    corsOrigin,
    allowEio3: false,
    pingIntervalMs: 25_000,
    pingTimeoutMs: 20_000,
    onConnection: () => undefined,
    maxWorkerClients,
    onFull,
    connectLimit: { take, takeAgain: take },
  });
  const routes = route(
    (_request, response) => void response.end(),
    () => undefined,
  );
  const server = createServer(routes.onRequest).on('upgrade', routes.onUpgrade);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    void io.close();
    server.close();
    server.closeAllConnections();
  });
  return { io, onFull, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A WebSocket that has got its handshake, and the pongs that came. */
async function openWebSocket(host: string) {
  const socket = new WebSocket(`ws://${host}/socket.io/?EIO=4&transport=websocket`);
  onTestFinished(() => socket.terminate());
  const pongs: string[] = [];
  socket.on('pong', (data) => pongs.push(data.toString()));
  const closed = once(socket, 'close');
  await once(socket, 'message');
  return { socket, pongs, closed };
}

describe('a WebSocket', () => {
  it('may ping so often, and gets each pong', async () => {
    const { host } = await open(undefined, () => 0);
    const { socket, pongs } = await openWebSocket(host);
    const pings = Array.from({ length: CONTROL_FRAMES.burst }, (_, n) => `${n}`);
    for (const ping of pings) socket.ping(ping);
    await vi.waitUntil(() => pongs.length === pings.length);
    expect([pongs, socket.readyState]).toEqual([pings, WebSocket.OPEN]);
  });

  it.each(['ping', 'pong'] as const)('is cut off for a flood of %ss, over both ways to it', async (frame) => {
    const { io, host } = await open(undefined, () => 0);
    const url = `http://${host}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1)) as { sid: string };
    const upgrading = new WebSocket(`ws://${host}/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
    onTestFinished(() => upgrading.terminate());
    await once(upgrading, 'open');
    const { socket, pongs, closed } = await openWebSocket(host);
    const ends = [closed, once(upgrading, 'close')];
    for (const flooding of [socket, upgrading])
      for (let n = 0; n < 2 * CONTROL_FRAMES.burst; n += 1) flooding[frame](`${n}`);
    for (const end of ends) expect(await end).toEqual([1006, expect.anything()]);
    expect(pongs.length).toBeLessThan(2 * CONTROL_FRAMES.burst);
    // The session that was to be upgraded goes on polling.
    await vi.waitUntil(() => io.engine.clientsCount === 1);
  });

  it('may send a packet in as many fragments as a library makes of the largest, and no more', async () => {
    const { io, host } = await open(undefined, () => 0);
    const heard = new Promise((resolve) => {
      io.engine.once('connection', (connection: EventEmitter) => connection.once('message', resolve));
    });
    const send = (socket: WebSocket, parts: readonly string[]) => {
      for (const [index, part] of parts.entries())
        socket.send(part, { fin: index === parts.length - 1, binary: false });
    };
    const parts = ['4', ...Array.from({ length: MAX_FRAGMENTS - 1 }, () => 'x')];
    const { socket: most } = await openWebSocket(host);
    send(most, parts);
    expect(await heard).toBe(parts.slice(1).join(''));
    const { socket: more, closed } = await openWebSocket(host);
    send(more, [...parts, 'x']);
    expect(await closed).toEqual([1008, expect.anything()]);
  });
});

describe('a connection', () => {
  it('is closed if it enters no namespace within 10 s', async () => {
    const { io, host } = await open(undefined, () => 0);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const silent = new WebSocket(`ws://${host}/socket.io/?EIO=4&transport=websocket`);
    onTestFinished(() => silent.terminate());
    await once(silent, 'message');
    const closed = once(silent, 'close');
    vi.advanceTimersByTime(LIMIT_MS - 1);
    expect(io.engine.clientsCount).toBe(1);
    vi.advanceTimersByTime(1);
    await closed;
    expect(io.engine.clientsCount).toBe(0);
  });

  it('of a WebSocket is not taken over by another one', async () => {
    const { io, host } = await open(undefined, () => 0);
    const url = `ws://${host}/socket.io/?EIO=4&transport=websocket`;
    const first = new WebSocket(url);
    onTestFinished(() => first.terminate());
    const [handshake] = await once(first, 'message');
    const { sid } = JSON.parse(handshake.toString().slice(1)) as { sid: string };
    const second = new WebSocket(`${url}&sid=${sid}`);
    const [, refused] = await once(second, 'unexpected-response');
    expect(refused.statusCode).toBe(400);
    expect([first.readyState, io.engine.clientsCount]).toEqual([WebSocket.OPEN, 1]);
  });

  it('by WebSocket of a version that is not served is refused before the upgrade', async () => {
    const { host } = await open(undefined, () => 0);
    const old = new WebSocket(`ws://${host}/socket.io/?EIO=3&transport=websocket`);
    const [, refused] = await once(old, 'unexpected-response');
    expect(refused.statusCode).toBe(400);
  });

  it('is refused if its address is over RATE_CONNECT, unlike a CORS preflight', async () => {
    const take = vi.fn(() => 1_000);
    const { host } = await open('*', take);
    const ask = (method: string) =>
      fetch(`http://${host}/socket.io/?EIO=4&transport=polling`, {
        method,
        headers: { Origin: 'https://x' },
      });
    const { status, headers } = await ask('OPTIONS');
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, 'https://x']);
    expect(take).not.toHaveBeenCalled();
    expect((await ask('GET')).status).toBe(429);
  });

  it('is refused while MAX_WORKER_CLIENTS are open, unlike the requests of these and a CORS preflight', async () => {
    const { io, host, onFull } = await open('*', () => 0, 2);
    const url = `http://${host}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1)) as { sid: string };
    const second = new WebSocket(`ws://${host}/socket.io/?EIO=4&transport=websocket`);
    onTestFinished(() => second.terminate());
    await once(second, 'message');

    const polling = await fetch(url);
    expect([polling.status, polling.headers.get('retry-after'), await polling.json()]).toEqual([
      503,
      null,
      {
        error: {
          code: 'unavailable',
          message: 'this worker has as many connections as it serves',
          temporary: true,
        },
      },
    ]);
    const third = new WebSocket(`ws://${host}/socket.io/?EIO=4&transport=websocket`);
    const [, refused] = await once(third, 'unexpected-response');
    expect(refused.statusCode).toBe(503);
    expect(onFull).toHaveBeenCalledTimes(2);
    expect((await fetch(`${url}&sid=${sid}`, { method: 'POST', body: '40' })).status).toBe(200);
    expect((await fetch(url, { method: 'OPTIONS', headers: { Origin: 'https://x' } })).status).toBe(204);

    second.terminate();
    await vi.waitUntil(() => io.engine.clientsCount === 1);
    expect((await fetch(url)).status).toBe(200);
  });
});
