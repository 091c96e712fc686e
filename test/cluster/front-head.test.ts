import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { type HeadHandlers, readHead } from '../../src/cluster/front-head.ts';

const SID = 'lv_VI97HAXpY6yYWAAAB';
const OTHER = 'AAAAAAAAAAAAAAAAAAAA';

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

test('accepts a request whose headers arrive in parts, with the bytes behind them', async () => {
  const pieces = ['GET /?s', `id=${SID} HT`, 'TP/1.1\r\nHost: x\r', '\n\r', '\nbody'];
  expect(await read(pieces)).toEqual({
    bytes: `GET /?sid=${SID} HTTP/1.1\r\nHost: x\r\n\r\nbody`,
    sessionId: SID,
  });
});

test('looks for the session id in the address only, and for one that Engine.IO can have made', async () => {
  const decoys = `X-A: ?sid=${OTHER}\r\n\r\nGET /?sid=${OTHER}`;
  const sessionOf = async (target: string) => {
    const heard = await read([`GET ${target} HTTP/1.1\r\n${decoys}`]);
    return 'sessionId' in heard && heard.sessionId;
  };
  expect(await sessionOf(`/socket.io/?sid=${SID}`)).toBe(SID);
  expect(await sessionOf('/socket.io/?EIO=4')).toBe(undefined);
  expect(await sessionOf('/socket.io/?sid=short')).toBe(undefined);
  expect(await sessionOf(`/socket.io/?sid=${SID}toolong`)).toBe(undefined);
});

test('skips empty lines before the request', async () => {
  expect(await read(['\r\n\r\n', `\n\nGET /?sid=${SID} HTTP/1.1\r\n\r\n`])).toEqual({
    bytes: `GET /?sid=${SID} HTTP/1.1\r\n\r\n`,
    sessionId: SID,
  });
});

test('leaves invalid line ends to the worker', async () => {
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
