import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Server as Engine } from 'engine.io';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connection, createConnectionInternals } from '../../../src/server/transport/private-members.ts';
import { openEngineServer } from './engine-server.ts';

const LARGE = 'x'.repeat(8_000_000);
const KEY = 'AAAAAAAAAAAAAAAAAAAAAA==';
const UPGRADE = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n`;

describe('the bytes that wait for a connection', () => {
  const internals = createConnectionInternals();
  let engine: Engine;
  let server: Server;
  let clients: Socket[];

  beforeEach(async () => {
    clients = [];
    engine = new Engine();
    const opened = await openEngineServer(engine, (...given) => internals.answering(engine, ...given));
    server = opened.http;
  });
  afterEach(() => {
    for (const client of clients) client.destroy();
    engine.close();
    server.close();
  });

  function get(query: string, headers = ''): Socket {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.write(`GET /engine.io/?EIO=4&${query} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
    clients.push(client);
    return client;
  }
  async function open(
    transport: 'websocket' | 'polling',
  ): Promise<{ connection: Connection; client: Socket }> {
    const client = get(`transport=${transport}`, transport === 'websocket' ? UPGRADE : '');
    const [connection] = (await once(engine, 'connection')) as [Connection];
    await once(client, 'data');
    client.pause();
    return { connection, client };
  }

  const sidOf = (connection: Connection) => (connection as unknown as { readonly id: string }).id;

  it('are none while the client reads', async () => {
    const { connection, client } = await open('websocket');
    client.resume();
    connection.write('hello');
    await expect.poll(() => internals.waitingBytes(connection)).toBe(0);
  });

  it('are those that its WebSocket has not sent, and the packets queued behind', async () => {
    const { connection, client } = await open('websocket');
    connection.write(LARGE);
    const written = internals.waitingBytes(connection);
    expect(written).toBeGreaterThan(LARGE.length / 4);
    for (let count = 0; count < 10; count += 1) connection.write('y'.repeat(1_000));
    expect(internals.waitingBytes(connection)).toBeGreaterThan(written + 10_000);
    internals.dropPackets(connection);
    expect(internals.waitingBytes(connection)).toBeLessThan(written + 10_000);
    client.resume();
    await expect.poll(() => internals.waitingBytes(connection)).toBe(0);
  });

  it('are packets that were not polled, and a response that is not read', async () => {
    const { connection } = await open('polling');
    connection.write(LARGE);
    expect(internals.waitingBytes(connection)).toBeGreaterThan(LARGE.length);
    const poll = get(`transport=polling&sid=${sidOf(connection)}`);
    poll.pause();
    await once(engine, 'drain');
    expect(internals.waitingBytes(connection)).toBeGreaterThan(LARGE.length / 4);
    poll.resume();
    await expect.poll(() => internals.waitingBytes(connection)).toBe(0);
  });

  it.each(['websocket', 'polling'] as const)('are dropped with the connection, %s', async (transport) => {
    const { connection, client } = await open(transport);
    connection.write(LARGE);
    if (transport === 'polling') {
      get(`transport=polling&sid=${sidOf(connection)}`).pause();
      await once(engine, 'drain');
      // Kept open by HTTP for its next request.
      client.destroy();
    }
    connection.close();
    internals.terminate(connection);
    expect(connection.readyState).toBe('closed');
    const connections = () =>
      new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
    await expect.poll(connections).toBe(0);
  });

  it('include each volatile event unless the client is behind', async () => {
    const { connection } = await open('polling');
    const client = { conn: connection } as { conn: typeof connection; writeToEngine?: unknown };
    let behind = false;
    internals.volatileUnless(() => behind)({ client } as never);
    const { writeToEngine } = client as unknown as {
      writeToEngine(packets: string | string[], options: { readonly volatile?: boolean }): void;
    };
    const added = (packets: string | string[], volatile: boolean) => {
      const before = internals.waitingBytes(connection);
      writeToEngine.call(client, packets, { volatile });
      return internals.waitingBytes(connection) - before;
    };
    const one = added('typing', true);
    expect(one).toBeGreaterThan(0);
    expect(added(['typing', 'typing'], true)).toBe(2 * one);
    behind = true;
    expect(added('typing', true)).toBe(0);
    expect(added('a message', false)).toBeGreaterThan(0);
  });

  it('do not count requests of other sessions', async () => {
    const { connection } = await open('polling');
    for (const sid of ['__proto__', 'nobody']) {
      const client = get(`transport=polling&sid=${sid}`);
      const [answer] = (await once(client, 'data')) as [Buffer];
      expect(answer.toString()).toContain('400 Bad Request');
    }
    expect(internals.waitingBytes(connection)).toBe(0);
  });
});
