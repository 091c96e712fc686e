import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Server as Engine } from 'engine.io';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type HeadHandlers, readHead, sessionIdOf } from '../../src/cluster/front-head.ts';

const SID = 'lv_VI97HAXpY6yYWAAAB';
const OTHER = 'AAAAAAAAAAAAAAAAAAAA';
const UUID = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';

/** What Engine.IO takes for the session id of this address. */
function engineFinds(target: string): unknown {
  const request = { url: target } as unknown as { _query?: { sid?: unknown } };
  (new Engine() as unknown as { prepare(request: unknown): void }).prepare(request);
  return request._query?.sid;
}

test.each([
  [`/socket.io/?EIO=4&sid=${SID}`, SID],
  [`/socket.io/?sid=${SID}&EIO=4`, SID],
  [`/socket.io/?classid=${UUID}&sid=${SID}`, SID],
  [`/socket.io/?sid=${SID}&accessid=${UUID}`, SID],
  [`/socket.io/?businessid=${OTHER}&EIO=4`, undefined],
  [`/socket.io/?sid=${OTHER}&sid=${SID}`, SID],
  [`/socket.io/?sid=${SID}&sid=short`, undefined],
  [`/socket.io/?sid=${SID}toolong`, undefined],
  [`/socket.io/?%73id=${SID}`, SID],
  [`/socket.io/?q=a?sid=${OTHER}&sid=${SID}`, SID],
  [`/socket.io/?EIO=4#&sid=${SID}`, undefined],
  [`/sid=${SID}`, undefined],
  [`http://chat.example/socket.io/?sid=${SID}`, SID],
  ['//', undefined],
  ['*', undefined],
])('finds the session id in %s', (target, sessionId) => {
  expect(sessionIdOf(`GET ${target} HTTP/1.1\r\nX-A: ?sid=${OTHER}\r\n\r\n`)).toBe(sessionId);
});

test('finds the session id that Engine.IO finds', () => {
  const name = fc.constantFrom('sid', 'Sid', '%73id', 'classid', 'EIO', '?sid', '');
  const value = fc.constantFrom(SID, OTHER, UUID, '4', '', `%41${SID.slice(1)}`, `${SID}+`, `${SID}#`);
  const query = fc.array(fc.tuple(name, value), { maxLength: 6 });
  fc.assert(
    fc.property(query, (parameters) => {
      const target = `/socket.io/?${parameters.map((pair) => pair.join('=')).join('&')}`;
      const found = engineFinds(target);
      const usable = typeof found === 'string' && /^[\w-]{20}$/.test(found) ? found : undefined;
      expect(sessionIdOf(`GET ${target} HTTP/1.1\r\n\r\n`)).toBe(usable);
    }),
    { seed: 12 },
  );
});

type Heard = { bytes: string; sessionId: string | undefined } | { refused: string | undefined };

/** What the reader of a connection hears of these pieces, each written when the one before was read. */
async function read(pieces: readonly string[]): Promise<Heard> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  try {
    return await new Promise<Heard>((resolve) => {
      const handlers: HeadHandlers = {
        complete(bytes, sessionId) {
          resolve({ bytes: bytes.toString(), sessionId });
          return 'taken';
        },
        refused: (status) => resolve({ refused: status }),
      };
      readHead(socket, { timeoutMs: 5_000 }, handlers);
      let next = 0;
      const say = () => {
        const piece = pieces[next++];
        if (piece !== undefined) client.write(piece);
      };
      socket.on('data', say);
      say();
    });
  } finally {
    client.destroy();
    socket.destroy();
    server.close();
  }
}

test('takes a request whose headers arrive torn, with what came after them', async () => {
  const pieces = ['GET /?s', `id=${SID} HT`, 'TP/1.1\r\nHost: x\r', '\n\r', '\nbody'];
  expect(await read(pieces)).toEqual({
    bytes: `GET /?sid=${SID} HTTP/1.1\r\nHost: x\r\n\r\nbody`,
    sessionId: SID,
  });
});

test('skips empty lines before the request', async () => {
  expect(await read(['\r\n\r\n', `\n\nGET /?sid=${SID} HTTP/1.1\r\n\r\n`])).toEqual({
    bytes: `GET /?sid=${SID} HTTP/1.1\r\n\r\n`,
    sessionId: SID,
  });
});

test('leaves line ends that no parser should take to the worker', async () => {
  expect(await read(['GET / HTTP/1.1\n', 'Host: x\n', '\n'])).toEqual({
    bytes: 'GET / HTTP/1.1\nHost: x\n\n',
    sessionId: undefined,
  });
});

test('refuses headers that are too large, in one piece or in many', async () => {
  const refusal = { refused: '431 Request Header Fields Too Large' };
  expect(await read([`GET / HTTP/1.1\r\nX: ${'x'.repeat(16_384)}\r\n\r\n`])).toEqual(refusal);
  expect(
    await read(['GET / HTTP/1.1\r\nX: ', ...Array.from({ length: 20 }, () => 'x'.repeat(1_000))]),
  ).toEqual(refusal);
});
