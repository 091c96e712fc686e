import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createChatEngine } from '../../src/server/engine.ts';

const LIMIT_MS = 10_000;

describe('a link', () => {
  it('that entered no namespace within 10 s is closed', async () => {
    const { io, route } = createChatEngine({
      socketPath: '/socket.io/',
      corsOrigin: undefined,
      allowEio3: false,
      pingIntervalMs: 25_000,
      pingTimeoutMs: 20_000,
      onLink: () => undefined,
      connectLimit: { take: () => 0 },
    } as unknown as Parameters<typeof createChatEngine>[0]);
    const routes = route(
      (_request, response) => void response.end(),
      () => undefined,
    );
    const server = createServer(routes.onRequest).on('upgrade', routes.onUpgrade);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
      void io.close();
      server.close();
    });
    const silent = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
    onTestFinished(() => silent.terminate());
    await once(silent, 'message');
    const closed = once(silent, 'close');
    vi.advanceTimersByTime(LIMIT_MS - 1);
    expect(io.engine.clientsCount).toBe(1);
    vi.advanceTimersByTime(1);
    await closed;
    expect(io.engine.clientsCount).toBe(0);
  });
});
