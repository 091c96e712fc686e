import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { enableLingeringClose } from '../../src/cluster/lingering-close.ts';

const MIB = 1024 * 1024;
/** What is thrown away and what fits into the system's buffers. */
const MOST_BYTES = 20 * MIB;
const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\n';

interface Talk {
  readonly heard: string;
  readonly sentBytes: number;
}

/** Sends chunks, so many or without an end, until the server closes. */
async function upload(
  onRequest: RequestListener,
  chunks: number,
  { first = false, last = '' } = {},
): Promise<Talk> {
  const server = createServer(onRequest).listen(0, '127.0.0.1');
  enableLingeringClose(server);
  await once(server, 'listening');
  const socket = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true }).on(
    'error',
    () => {},
  );
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  let heard = '';
  let sentBytes = 0;
  socket.on('data', (data) => {
    heard += data;
  });
  socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
  // The first part may be read before the answer, the rest comes late.
  if (first) socket.write(chunk);
  await once(socket, 'data');
  const send = (left: number) => {
    if (left === 0) socket.once('end', () => socket.end()).write(`0\r\n\r\n${last}`);
    else
      socket.write(chunk, (error) => {
        if (error) return;
        sentBytes += chunk.length;
        send(left - 1);
      });
  };
  send(chunks);
  await closed;
  server.close();
  return { heard, sentBytes };
}

const ways: readonly [string, RequestListener][] = [
  ['and closed', (_request, response) => void response.setHeader('Connection', 'close').end('no')],
  ['and kept', (_request, response) => void response.end('no')],
  [
    'after it began to read',
    (request, response) => {
      request.once('data', () => request.removeAllListeners('data'));
      response.end('no');
    },
  ],
];

test.each(ways)('an endless upload that is answered, %s, ends', async (_way, onRequest) => {
  const { heard, sentBytes } = await upload(onRequest, Number.POSITIVE_INFINITY);
  expect(heard).toMatch(/^HTTP\/1\.1 200 OK/);
  expect(sentBytes).toBeLessThan(MOST_BYTES);
});

test.each([
  ['late', false],
  ['partly read before', true],
])('a body that ends soon after its answer, %s, leaves a kept connection as it is', async (_how, first) => {
  const last = `${HEAD}Connection: close\r\nContent-Length: 0\r\n\r\n`;
  const answerLate: RequestListener = (_request, response) => void setImmediate(() => response.end('no'));
  const { heard } = await upload(answerLate, 16, { first, last });
  expect(heard.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
});
