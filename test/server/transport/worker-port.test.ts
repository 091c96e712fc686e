import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createOpenConnections } from '../../../src/cluster/open-connections.ts';
import { MAX_UNANSWERED_REQUESTS } from '../../../src/server/transport/pipelined-requests.ts';
import { parseNothingOfDestroyed } from '../../../src/server/transport/private-http.ts';
import { createWorkerPort } from '../../../src/server/transport/worker-port.ts';

const log = pino({ enabled: false });
const REQUEST = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

async function openPort(
  requestTimeoutMs: number,
  onBegun: (url: string | undefined) => void = () => undefined,
): Promise<{ dial(): Promise<Socket> }> {
  const port = createWorkerPort({
    log,
    requestTimeoutMs,
    connections: createOpenConnections({ most: 3, log }),
    routes: {
      onRequest(request, response) {
        onBegun(request.url);
        request.resume().on('end', () => response.end('whole'));
      },
      onUpgrade: (_request, socket) => void socket.write('upgraded'),
    },
  });
  const { port: number } = await port.listen('127.0.0.1', 0);
  onTestFinished(port.close);
  return { dial: () => dial(number) };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function answerTo(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (part: string) => (text += part));
  await once(socket, 'close');
  return text;
}

describe('a worker’s port', () => {
  it.each([
    ['headers', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n'],
    ['a body', 'POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n'],
    ['a chunk', 'POST /api HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'],
  ])('ends a request of which %s does not end', async (_what, begin) => {
    const socket = await (await openPort(100)).dial();
    socket.write(begin);
    expect(await answerTo(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('keeps a connection that became a WebSocket in time', async () => {
    const port = await openPort(50);
    const socket = await port.dial();
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(await once(socket, 'data')).toEqual(['upgraded']);
    // The end of a later request shows that the limits were checked.
    const late = await port.dial();
    late.write('GET / HTTP/1.1\r\n');
    await answerTo(late);
    expect(socket.destroyed).toBe(false);
  });

  it('begins pipelined requests one after the other, each in a turn of the event loop of its own', async () => {
    let turn = 0;
    const count = () => {
      turn += 1;
      ticking = setImmediate(count);
    };
    let ticking = setImmediate(count);
    onTestFinished(() => clearImmediate(ticking));
    const begun: number[] = [];
    const port = await openPort(10_000, () => begun.push(turn));
    const socket = await port.dial();
    let text = '';
    socket.on('data', (part: string) => (text += part));
    // Answered ones count no more.
    for (const times of [1, 2]) {
      socket.write(REQUEST.repeat(MAX_UNANSWERED_REQUESTS));
      await expect.poll(() => text.split('whole').length - 1).toBe(times * MAX_UNANSWERED_REQUESTS);
    }
    expect(new Set(begun).size).toBe(2 * MAX_UNANSWERED_REQUESTS);
  });

  it('ends a connection with too many unanswered requests, having begun one of them', async () => {
    const begun: unknown[] = [];
    const port = await openPort(10_000, (url) => begun.push(url));
    const socket = await port.dial();
    socket.write(REQUEST.repeat(MAX_UNANSWERED_REQUESTS + 1));
    expect(await answerTo(socket)).toBe('');
    expect(begun).toEqual(['/healthz']);
  });

  it('closes connections beyond those that the process may have, whatever the others send', async () => {
    const port = await openPort(10_000);
    const idle = [await port.dial(), await port.dial(), await port.dial()];
    idle[1]?.write('GET /');
    const refused = await port.dial();
    refused.write(REQUEST);
    expect(await answerTo(refused)).toBe('');
    idle[0]?.destroy();
    // The worker hears of the end a moment later.
    await expect
      .poll(async () => {
        const next = await port.dial();
        next.write(REQUEST.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
        return answerTo(next);
      })
      .toMatch(/whole$/);
  });

  it('parses nothing of what came with the request at which a connection is destroyed', async () => {
    const urls: unknown[] = [];
    const server = createServer((request) => {
      urls.push(request.url);
      request.socket.destroy();
    });
    parseNothingOfDestroyed(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const socket = await dial((server.address() as AddressInfo).port);
    socket.write(REQUEST.repeat(100));
    expect(await answerTo(socket)).toBe('');
    expect(urls).toEqual(['/healthz']);
  });
});
