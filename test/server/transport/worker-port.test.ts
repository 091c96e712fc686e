import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createWorkerPort } from '../../../src/server/transport/worker-port.ts';

const log = pino({ enabled: false });

async function openPort(requestTimeoutMs: number): Promise<{ dial(): Promise<Socket> }> {
  const port = createWorkerPort({
    log,
    requestTimeoutMs,
    routes: {
      onRequest(request, response) {
        request.resume().on('end', () => response.end('whole'));
      },
      onUpgrade: (_request, socket) => void socket.write('upgraded'),
    },
  });
  const { port: number } = await port.listen('127.0.0.1', 0);
  onTestFinished(port.close);
  return {
    async dial() {
      const socket = connect(number, '127.0.0.1').setEncoding('latin1');
      socket.on('error', () => {});
      onTestFinished(() => void socket.destroy());
      await once(socket, 'connect');
      return socket;
    },
  };
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
});
