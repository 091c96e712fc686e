import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Server as Engine } from 'engine.io';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLinkInternals, type Link } from '../../../src/server/transport/link-internals.ts';

const LARGE = 'x'.repeat(8_000_000);
const KEY = 'AAAAAAAAAAAAAAAAAAAAAA==';
const UPGRADE = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n`;

describe('what waits for a link', () => {
  const links = createLinkInternals();
  let engine: Engine;
  let server: Server;
  let clients: Socket[];

  beforeEach(async () => {
    clients = [];
    engine = new Engine();
    server = createServer((request, response) => {
      engine.handleRequest(request as never, response);
      links.answering(engine, request, response);
    });
    server.on('upgrade', (request, socket, head) => engine.handleUpgrade(request as never, socket, head));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
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
  async function open(transport: 'websocket' | 'polling'): Promise<{ link: Link; client: Socket }> {
    const client = get(`transport=${transport}`, transport === 'websocket' ? UPGRADE : '');
    const [link] = (await once(engine, 'connection')) as [Link];
    await once(client, 'data');
    client.pause();
    return { link, client };
  }

  const sidOf = (link: Link) => (link as unknown as { readonly id: string }).id;

  it('is nothing while it reads', async () => {
    const { link, client } = await open('websocket');
    client.resume();
    link.write('hello');
    await expect.poll(() => links.waitingBytes(link)).toBe(0);
  });

  it('is what its WebSocket did not take, and the packets behind', async () => {
    const { link, client } = await open('websocket');
    link.write(LARGE);
    const written = links.waitingBytes(link);
    expect(written).toBeGreaterThan(LARGE.length / 4);
    for (let count = 0; count < 10; count += 1) link.write('y'.repeat(1_000));
    expect(links.waitingBytes(link)).toBeGreaterThan(written + 10_000);
    links.dropPackets(link);
    expect(links.waitingBytes(link)).toBeLessThan(written + 10_000);
    client.resume();
    await expect.poll(() => links.waitingBytes(link)).toBe(0);
  });

  it('is what was not fetched by polling, and the answer that is not read', async () => {
    const { link } = await open('polling');
    link.write(LARGE);
    expect(links.waitingBytes(link)).toBeGreaterThan(LARGE.length);
    const poll = get(`transport=polling&sid=${sidOf(link)}`);
    poll.pause();
    await once(engine, 'drain');
    expect(links.waitingBytes(link)).toBeGreaterThan(LARGE.length / 4);
    poll.resume();
    await expect.poll(() => links.waitingBytes(link)).toBe(0);
  });

  it.each(['websocket', 'polling'] as const)('ends with the link, %s', async (transport) => {
    const { link, client } = await open(transport);
    link.write(LARGE);
    if (transport === 'polling') {
      get(`transport=polling&sid=${sidOf(link)}`).pause();
      await once(engine, 'drain');
      // Kept open by HTTP for its next request.
      client.destroy();
    }
    link.close();
    links.terminate(link);
    expect(link.readyState).toBe('closed');
    const connections = () =>
      new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
    await expect.poll(connections).toBe(0);
  });

  it('is not asked to wait for what is volatile, while that is dropped', async () => {
    const { link } = await open('polling');
    const before = links.waitingBytes(link);
    links.dropVolatile(link, true);
    link.write('typing', { volatile: true } as never);
    expect(links.waitingBytes(link)).toBe(before);
    link.write('a message');
    const after = links.waitingBytes(link);
    expect(after).toBeGreaterThan(before);
    links.dropVolatile(link, false);
    link.write('typing', { volatile: true } as never);
    expect(links.waitingBytes(link)).toBeGreaterThan(after);
  });

  it('is left alone by a request of somebody else’s making', async () => {
    const { link } = await open('polling');
    for (const sid of ['__proto__', 'nobody']) {
      const client = get(`transport=polling&sid=${sid}`);
      const [answer] = (await once(client, 'data')) as [Buffer];
      expect(answer.toString()).toContain('400 Bad Request');
    }
    expect(links.waitingBytes(link)).toBe(0);
  });
});
