import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { guardHosts, type HostRules, isForeignHost } from '../../../src/server/transport/foreign-hosts.ts';

const LOOPBACK: HostRules = { host: '127.0.0.1', corsOrigin: undefined };

function isForeign(headers: Record<string, string>, rules: Partial<HostRules> = {}): boolean {
  return isForeignHost({ headers }, { ...LOOPBACK, ...rules });
}

describe('the Host of a request to a loopback listener', () => {
  it.each([
    'localhost',
    'LOCALHOST:3000',
    'localhost.',
    'app.localhost:80',
    '127.0.0.1',
    '127.8.9.1:6001',
    '[::1]:3000',
    // nginx sends the name of its upstream group by default.
    'backend',
    'io_nodes',
  ])('may be %s', (host) => expect(isForeign({ host })).toBe(false));

  it.each([
    'evil.example',
    'evil.example:3000',
    '127.0.0.1.evil.example',
    '127.evil.example',
    'localhost.evil.example',
    'not.localhost.example',
    'evil.example@127.0.0.1',
    '127.0.0.1/evil.example',
    '192.0.2.1',
    '0.0.0.0:3000',
    '',
    ':3000',
    'a b',
  ])('may not be %j, whatever a page’s script says beside it', (host) => {
    const headers = {
      host,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'localhost',
      forwarded: 'for=x',
    };
    expect(isForeign(headers)).toBe(true);
  });

  it('may be HOST itself, the host of an origin in CORS_ORIGIN, or any name from a proxy', () => {
    expect(isForeign({ host: 'chat.localhost' }, { host: 'chat.localhost' })).toBe(false);
    const corsOrigin = [
      'https://chat.example',
      'https://*.example.org:8443',
      'http://[2001:db8::1]',
      'capacitor://app',
    ];
    for (const host of [
      'chat.example',
      'chat.example:6001',
      'a.example.org',
      'a.b.example.org:80',
      '[2001:db8::1]',
    ])
      expect([host, isForeign({ host }, { corsOrigin })]).toEqual([host, false]);
    for (const host of ['a.chat.example', 'example.org', 'badexample.org'])
      expect([host, isForeign({ host }, { corsOrigin })]).toEqual([host, true]);
    expect(isForeign({ host: 'evil.example' }, { corsOrigin: '*' })).toBe(false);
    expect(isForeign({ host: 'chat.example', via: '1.1 nginx' })).toBe(false);
    expect(isForeign({})).toBe(false);
  });
});

describe('the routes', () => {
  async function open(rules: HostRules) {
    const lines: string[] = [];
    const routes = guardHosts(
      {
        onRequest: (_request, response) => void response.end('served'),
        onUpgrade: (_request, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
      },
      rules,
      pino({}, { write: (line: string) => void lines.push(line) }),
    );
    const server = createServer(routes.onRequest).on('upgrade', routes.onUpgrade);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    async function statusOf(host: string, more: Record<string, string> = {}): Promise<unknown> {
      const { port } = server.address() as AddressInfo;
      const sent = request({ host: '127.0.0.1', port, agent: false, headers: { host, ...more } }).end();
      const answered = once(sent, 'response');
      const upgraded = once(sent, 'upgrade');
      const [response] = (await Promise.race([answered, upgraded])) as [
        { statusCode: number; destroy(): void },
      ];
      response.destroy();
      return response.statusCode;
    }
    return { statusOf, lines, server };
  }
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket' };

  it('of a loopback listener refuse requests and WebSockets for foreign names, and log how to allow one', async () => {
    const { statusOf, lines } = await open(LOOPBACK);
    expect([await statusOf('localhost'), await statusOf('localhost', upgrade)]).toEqual([200, 101]);
    expect(await statusOf('evil.example', { via: '1.1 nginx' })).toBe(200);
    expect([await statusOf('evil.example'), await statusOf('evil.example', upgrade)]).toEqual([403, 403]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 40, host: 'evil.example', msg: expect.stringContaining('CORS_ORIGIN') },
      { level: 40 },
    ]);
  });

  it('close the socket of a refused WebSocket even if its client keeps its end open', async () => {
    const { server } = await open(LOOPBACK);
    const { port } = server.address() as AddressInfo;
    const arrived = once(server, 'connection');
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    client.on('error', () => {}).resume();
    client.write('GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const [peer] = await arrived;
    await once(peer, 'close');
    client.destroy();
  });

  it('of other listeners accept any name, but only a name', async () => {
    const { statusOf, lines } = await open({ host: '0.0.0.0', corsOrigin: '*' });
    expect([await statusOf('evil.example'), await statusOf('evil.example', upgrade)]).toEqual([200, 101]);
    const odd = 'localhost:80\\@evil';
    expect([await statusOf(odd), await statusOf(odd, upgrade)]).toEqual([400, 400]);
    expect(await statusOf(odd, { via: '1.1 nginx' })).toBe(400);
    expect(lines).toEqual([]);
  });
});
