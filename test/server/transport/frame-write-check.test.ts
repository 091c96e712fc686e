import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type Socket as Connection, Server as Engine } from 'engine.io';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  checkFrameWrites,
  openConnectionInternals,
} from '../../../src/server/transport/frame-write-check.ts';
import { createConnectionInternals } from '../../../src/server/transport/private-members.ts';
import { openEngineServer } from './engine-server.ts';

const log = pino({ level: 'silent' });
const FRAME = Buffer.from([0x81, 3, 0x34, 0x68, 0x69]);

async function openLink(url: (port: number) => string) {
  const engine = new Engine({ allowEIO3: true });
  const { http, port } = await openEngineServer(engine);
  const connected = new Promise<Connection>((resolve) => engine.once('connection', resolve));
  const address = url(port);
  const client = address.startsWith('ws') ? new WebSocket(address) : undefined;
  const [connection] = await Promise.all([connected, client ? once(client, 'open') : fetch(address)]);
  return {
    connection: connection as never,
    close() {
      client?.terminate();
      engine.close();
      http.close();
    },
  };
}

describe('frames written past Engine.IO', () => {
  it('arrive whole and in order with the installed versions', async () => {
    expect(await checkFrameWrites(createConnectionInternals())).toBe(true);
  });

  const { pathTo } = createConnectionInternals();
  it.each([
    ['nothing is written', () => ({ write: () => true })],
    ['nothing can be written', () => ({ write: () => false })],
    [
      'something is written twice',
      (connection: never) => {
        const path = pathTo(connection);
        return { write: (frames: Buffer) => path.write(frames) && path.write(frames) };
      },
    ],
    [
      'something overtakes what waits',
      (connection: { transport: { socket: { _socket: { write(frames: Buffer): void } } } }) => ({
        write(frames: Buffer) {
          connection.transport.socket._socket.write(frames);
          return true;
        },
      }),
    ],
    [
      'a byte is missing',
      (connection: never) => {
        const path = pathTo(connection);
        return { write: (frames: Buffer) => path.write(frames.subarray(0, frames.length - 1)) };
      },
    ],
  ])('are given up when %s', { timeout: 20_000 }, async (_, broken) => {
    expect(await checkFrameWrites({ pathTo: broken as never })).toBe(false);
    let tries = 0;
    const internals = await openConnectionInternals({ log }, async () => {
      tries += 1;
      return false;
    });
    expect(tries).toBe(2);
    const { connection, close } = await openLink(
      (port) => `ws://127.0.0.1:${port}/engine.io/?EIO=4&transport=websocket`,
    );
    expect(internals.pathTo(connection).write(FRAME)).toBe(false);
    close();
  });

  it('are not used if the check fails', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    connect((server.address() as AddressInfo).port, '127.0.0.1').destroy();
    server.close();
    const broken = {
      pathTo() {
        throw new TypeError('there is no such member');
      },
    };
    expect(await checkFrameWrites(broken)).toBe(false);
  });

  it.each([
    ['polls', (port: number) => `http://127.0.0.1:${port}/engine.io/?EIO=4&transport=polling`],
    [
      'speaks the protocol of 2.x',
      (port: number) => `ws://127.0.0.1:${port}/engine.io/?EIO=3&transport=websocket`,
    ],
  ])('are not for a client that %s', async (_, url) => {
    const { connection, close } = await openLink(url);
    expect(pathTo(connection).write(FRAME)).toBe(false);
    close();
  });
});
