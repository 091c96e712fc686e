import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createChatEngine } from '../../../src/server/transport/engine.ts';

const LIMIT_MS = 10_000;

async function open(corsOrigin: '*' | undefined, take: () => number) {
  const { io, route } = createChatEngine({
    socketPath: '/socket.io/',
    corsOrigin,
    allowEio3: false,
    pingIntervalMs: 25_000,
    pingTimeoutMs: 20_000,
    onConnection: () => undefined,
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
  return { io, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

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
});
