import {
  type ClientRequestArgs,
  createServer,
  type IncomingHttpHeaders,
  request,
  type Server,
} from 'node:http';
import { Server as SocketServer } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { afterEach, describe, expect, it } from 'vitest';
import { runNginx } from '../../src/cli/nginx.ts';
import { eventually } from '../support/eventually.ts';
import { type NginxServer, openNginx } from '../support/nginx-server.ts';
import { freePorts } from '../support/ports.ts';

/** A stand-in for a worker: says who it is and what reached it. */
interface Upstream {
  readonly port: number;
  readonly requests: { method: string; url: string; headers: IncomingHttpHeaders }[];
  /** What it does with a request outside Socket.IO; the body has arrived by then. */
  answer: 'say' | 'hang up' | 503;
  close(): Promise<void>;
}

const PING = { pingIntervalMs: 25_000, pingTimeoutMs: 20_000 };
const SETTINGS = { workers: 1, basePort: 6001, socketPath: '/socket.io/', ...PING };

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openUpstream(port: number): Promise<Upstream> {
  const http: Server = createServer((req, res) => {
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    req.on('end', () => {
      upstream.requests.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers });
      if (upstream.answer === 'hang up') return req.socket.destroy();
      res.statusCode = upstream.answer === 503 ? 503 : 200;
      return res.end(JSON.stringify({ port, bytes, headers: req.headers }));
    });
  });
  const sockets = new SocketServer(http, { maxHttpBufferSize: 1_200_000 });
  sockets.on('connection', (socket) => {
    socket.on('which', (_text: string, ack: (port: number, length: number) => void) =>
      ack(port, _text.length),
    );
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  const upstream: Upstream = {
    port,
    requests: [],
    answer: 'say',
    close: () => sockets.close(),
  };
  cleanups.push(upstream.close);
  return upstream;
}

interface Cluster {
  readonly port: number;
  readonly nginx: NginxServer;
  readonly upstreams: readonly Upstream[];
}

/** `dead` of the upstreams that nginx is told of do not exist. */
async function openCluster(argv: string[] = [], { alive = 3, dead = 0, files = {} } = {}): Promise<Cluster> {
  const port = await freePorts(1 + alive + dead);
  const ports = Array.from({ length: alive + dead }, (_, index) => port + 1 + index);
  const upstreams = await Promise.all(ports.slice(dead).map(openUpstream));
  const hosts = ports.map((upstream) => `127.0.0.1:${upstream}x1`).join(',');
  let config = '';
  const print = (text: string) => {
    config += text;
  };
  const code = runNginx(['--hosts', hosts, '--listen', `127.0.0.1:${port}`, ...argv], SETTINGS, {
    out: print,
    err: print,
  });
  if (code !== 0) throw new Error(config);
  const nginx = await openNginx({ 'nginx.conf': config, ...files });
  cleanups.push(nginx.close);
  return { port, nginx, upstreams };
}

interface Answer {
  readonly status: number;
  readonly port: number;
  readonly bytes: number;
  readonly headers: IncomingHttpHeaders;
}

async function ask(cluster: Cluster, options: ClientRequestArgs = {}, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(
      { host: '127.0.0.1', port: cluster.port, path: '/where', agent: false, ...options },
      (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        res.on('error', reject).on('end', () => {
          const said = text.startsWith('{') ? JSON.parse(text) : {};
          resolve({ port: 0, bytes: 0, headers: {}, ...said, status: res.statusCode ?? 0 });
        });
      },
    );
    req.on('error', reject).end(body);
  });
}

/** Every process of nginx gathers its lines for a second. */
async function logged(cluster: Cluster, line: RegExp): Promise<void> {
  await eventually(async () => expect(await cluster.nginx.accessLog()).toMatch(line));
}

type Transport = 'websocket' | 'polling';

async function connect(
  cluster: Cluster,
  transports: Transport[],
  options: { headers?: Record<string, string>; query?: Record<string, string> } = {},
): Promise<Socket> {
  const socket = io(`http://127.0.0.1:${cluster.port}`, {
    transports,
    forceNew: true,
    reconnection: false,
    extraHeaders: options.headers ?? {},
    query: options.query ?? {},
  });
  cleanups.push(() => {
    socket.disconnect();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('connect_error', reject);
  });
  return socket;
}

async function which(socket: Socket): Promise<number> {
  return await socket.timeout(10_000).emitWithAck('which', 'x');
}

/** Addresses of different /24s, as ip_hash tells clients apart. */
const ADDRESSES = Array.from({ length: 10 }, (_, index) => `203.0.${index * 7}.5`);
const BEHIND_PROXY = ['--trust-proxy', '127.0.0.0/8'];

describe('Socket.IO through the generated config', () => {
  it.each<[string, Transport[]]>([
    ['WebSocket only', ['websocket']],
    ['polling only', ['polling']],
    ['polling, then upgraded', ['polling', 'websocket']],
  ])('works with %s, and every client stays on its worker', async (_title, transports) => {
    const cluster = await openCluster(BEHIND_PROXY);
    const seen = new Set<number>();
    for (const address of ADDRESSES) {
      const socket = await connect(cluster, transports, { headers: { 'X-Forwarded-For': address } });
      const ports = [];
      for (let round = 0; round < 5; round += 1) ports.push(await which(socket));
      expect(new Set(ports).size).toBe(1);
      seen.add(ports[0] ?? 0);
      await eventually(() => expect(socket.io.engine.transport.name).toBe(transports.at(-1)));
      expect(await which(socket)).toBe(ports[0]);
    }
    expect(seen.size).toBeGreaterThanOrEqual(2);
  });

  it('upgrades to nothing but WebSocket', async () => {
    const cluster = await openCluster();
    const { headers } = await ask(cluster, { headers: { Connection: 'Upgrade', Upgrade: 'h2c' } });
    expect(headers).not.toHaveProperty('upgrade');
    expect(headers.connection).toBe('close');
  });

  it('carries packets of 1.1 MB and stops bodies over 2 MB', async () => {
    const cluster = await openCluster();
    const socket = await connect(cluster, ['polling']);
    const ack = new Promise((resolve) =>
      socket.emit('which', 'x'.repeat(1_100_000), (_port: number, length: number) => resolve(length)),
    );
    expect(await ack).toBe(1_100_000);
    expect(await ask(cluster, { method: 'POST' }, Buffer.alloc(1_100_000))).toMatchObject({
      status: 200,
      bytes: 1_100_000,
    });
    const headers = { 'Content-Length': 2_200_000, Expect: '100-continue' };
    expect(await ask(cluster, { method: 'POST', headers })).toMatchObject({ status: 413 });
  });
});

describe('the choice of the worker', () => {
  it('by ip_hash is the same for all clients of a /24, and differs between them', async () => {
    const cluster = await openCluster(BEHIND_PROXY);
    const chosen = new Set<number>();
    for (const address of ADDRESSES) {
      const neighbours = [address, address, address.replace(/\.5$/, '.77')];
      const answers = await Promise.all(
        neighbours.map((client) => ask(cluster, { headers: { 'X-Forwarded-For': client } })),
      );
      const ports = new Set(answers.map(({ port }) => port));
      expect(ports.size).toBe(1);
      for (const port of ports) chosen.add(port);
    }
    expect(chosen.size).toBeGreaterThanOrEqual(2);
  });

  it('by remote_addr distinguishes clients of one /24', async () => {
    const cluster = await openCluster(['--hash', 'remote_addr']);
    const chosen = new Set<number>();
    for (let last = 1; last <= 20; last += 1) {
      const from = { localAddress: `127.0.0.${last}` };
      const [first, second] = [await ask(cluster, from), await ask(cluster, from)];
      expect(second.port).toBe(first.port);
      chosen.add(first.port);
    }
    expect(chosen.size).toBeGreaterThanOrEqual(2);
  });

  it('by roomid keeps a room on one worker, and spreads rooms', async () => {
    const cluster = await openCluster(['--hash', 'roomid', ...BEHIND_PROXY]);
    const chosen = new Set<number>();
    for (let room = 0; room < 16; room += 1) {
      const query = { roomid: `room-${room}` };
      const ports = new Set<number>();
      for (const [index, address] of ADDRESSES.slice(0, 2).entries()) {
        const transports: Transport[] = [index % 2 === 0 ? 'polling' : 'websocket'];
        const socket = await connect(cluster, transports, { query, headers: { 'X-Forwarded-For': address } });
        ports.add(await which(socket));
      }
      expect(ports.size).toBe(1);
      for (const port of ports) chosen.add(port);
    }
    expect(chosen.size).toBeGreaterThanOrEqual(2);
  });

  it('by roomid uses the address for clients without a room', async () => {
    const cluster = await openCluster(['--hash', 'roomid', ...BEHIND_PROXY]);
    const chosen = new Set<number>();
    for (let index = 0; index < 30; index += 1) {
      const headers = { 'X-Forwarded-For': `198.51.100.${index}` };
      const [first, second] = [await ask(cluster, { headers }), await ask(cluster, { headers })];
      expect(second.port).toBe(first.port);
      chosen.add(first.port);
    }
    expect(chosen.size).toBeGreaterThanOrEqual(2);
  });
});

describe('a worker that is gone', () => {
  it.each([
    ['a GET', 'ip_hash'],
    ['a POST', 'ip_hash'],
    ['a WebSocket', 'ip_hash'],
    ['a POST', 'remote_addr'],
    ['a POST', 'roomid'],
  ])('is passed over by %s with %s', async (kind, hash) => {
    const cluster = await openCluster(['--hash', hash, ...BEHIND_PROXY], { alive: 2, dead: 6 });
    for (let index = 0; index < 60; index += 1) {
      const headers = { 'X-Forwarded-For': `198.${index}.18.${index}` };
      if (kind === 'a WebSocket') (await connect(cluster, ['websocket'], { headers })).disconnect();
      else if (kind === 'a GET') expect(await ask(cluster, { headers })).toMatchObject({ status: 200 });
      else {
        const answer = await ask(cluster, { headers, method: 'POST' }, Buffer.from('whole'));
        expect(answer).toMatchObject({ status: 200, bytes: 5 });
      }
    }
    // Without this the test would pass where nobody was sent to the dead one in the first place.
    await logged(cluster, /"\S+, \S+" "502, (200|101)"/);
    // Most of them down, one after the other, is what keeps a client out where nginx stops trying.
    await logged(cluster, /"502, 502, 502, 502, [^"]*(200|101)"/);
  });

  it('gets its clients back when it listens again', { timeout: 30_000 }, async () => {
    const cluster = await openCluster();
    const home = (await ask(cluster)).port;
    await cluster.upstreams.find(({ port }) => port === home)?.close();
    const elsewhere = await ask(cluster);
    expect(elsewhere.status).toBe(200);
    expect(elsewhere.port).not.toBe(home);
    await openUpstream(home);
    await eventually(async () => expect((await ask(cluster)).port).toBe(home), { interval: 200 });
  });

  it.each(['ip_hash', 'remote_addr', 'roomid'])(
    'gets its whole share of WebSockets at once when it listens again, with %s',
    { timeout: 60_000 },
    async (hash) => {
      const cluster = await openCluster(['--hash', hash, ...BEHIND_PROXY], { alive: 4 });
      const clients = Array.from({ length: 200 }, (_, n) => ({
        headers: { 'X-Forwarded-For': `203.0.${n}.5` },
      }));
      const homes = await Promise.all(clients.map(async (client) => (await ask(cluster, client)).port));
      const host = cluster.upstreams.slice(0, 2);
      await Promise.all(host.map((upstream) => upstream.close()));
      // Each of these is a failure that nginx would count, and their WebSockets stay.
      for (const client of clients.slice(0, 20)) await connect(cluster, ['websocket'], client);
      await Promise.all(host.map(({ port }) => openUpstream(port)));
      const share = new Map<number, number>();
      for (const [n, client] of clients.entries()) {
        const port = await which(await connect(cluster, ['websocket'], client));
        expect(port).toBe(homes[n]);
        share.set(port, (share.get(port) ?? 0) + 1);
      }
      // The ring of the other two rests on the ports, which differ from run to run.
      if (hash === 'ip_hash') for (const n of share.values()) expect(n).toBeGreaterThanOrEqual(200 / 4 / 2);
      expect(share.size).toBe(4);
    },
  );

  it('has no POST repeated elsewhere that it received', async () => {
    const cluster = await openCluster();
    for (const upstream of cluster.upstreams) upstream.answer = 'hang up';
    expect((await ask(cluster, { method: 'POST' }, Buffer.from('once'))).status).toBe(502);
    expect(cluster.upstreams.flatMap(({ requests }) => requests)).toHaveLength(1);
  });

  it('does not include one that answers 503: no other is asked, and it stays in use', async () => {
    const cluster = await openCluster();
    for (const upstream of cluster.upstreams) upstream.answer = 503;
    const ports = [];
    for (let round = 0; round < 4; round += 1) {
      const answer = await ask(cluster);
      expect(answer.status).toBe(503);
      ports.push(answer.port);
    }
    expect(new Set(ports).size).toBe(1);
    expect(cluster.upstreams.flatMap(({ requests }) => requests)).toHaveLength(4);
  });
});

describe('the forwarded headers of a client', () => {
  const FORGED = {
    'X-Forwarded-For': '9.9.9.9',
    'X-Real-IP': '9.9.9.9',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'evil.example',
    Forwarded: 'for=9.9.9.9',
  };

  it('never reaches a worker when no proxy is trusted', async () => {
    const cluster = await openCluster();
    const { headers } = await ask(cluster, { headers: FORGED });
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-real-ip': '127.0.0.1',
      'x-forwarded-proto': 'http',
    });
    expect(JSON.stringify(headers)).not.toMatch(/9\.9\.9\.9|evil|https/);
  });

  it('does not choose its worker when no proxy is trusted', async () => {
    const cluster = await openCluster();
    const ports = new Set<number>();
    for (const address of ADDRESSES)
      ports.add((await ask(cluster, { headers: { 'X-Forwarded-For': address } })).port);
    expect(ports.size).toBe(1);
  });

  it('are ignored behind a trusted proxy, which adds the address it sees', async () => {
    const cluster = await openCluster(['--trust-proxy', '127.0.0.0/8,10.0.0.0/8']);
    const forwarded = { 'X-Forwarded-For': '9.9.9.9, 203.0.113.7, 10.1.2.3', 'X-Forwarded-Proto': 'https' };
    const { headers } = await ask(cluster, { headers: { ...FORGED, ...forwarded } });
    expect(headers).toMatchObject({
      'x-forwarded-for': '203.0.113.7',
      'x-real-ip': '203.0.113.7',
      'x-forwarded-proto': 'https',
    });
    expect(JSON.stringify(headers)).not.toMatch(/9\.9\.9\.9|evil/);
  });

  it('are ignored from a peer that is not a trusted proxy', async () => {
    const cluster = await openCluster(['--trust-proxy', '127.0.0.9']);
    const { headers } = await ask(cluster, { headers: FORGED });
    expect(headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
    const trusted = await ask(cluster, { headers: FORGED, localAddress: '127.0.0.9' });
    expect(trusted.headers).toMatchObject({ 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'https' });
  });
});

describe('the logs', () => {
  it('have no session id and no other query string, with and without errors', async () => {
    // nginx cannot send from an address of another machine: a critical error, which quotes the request too.
    const broken = 'location /broken { proxy_bind 203.0.113.1; proxy_pass http://roomcast; }\n';
    const files = { 'roomcast.d/broken.conf': broken };
    const cluster = await openCluster([], { alive: 1, dead: 1, files });
    const socket = await connect(cluster, ['polling']);
    const sid = socket.io.engine.id;
    await which(socket);
    await ask(cluster, { path: '/?token=sesame' });
    expect((await ask(cluster, { path: `/broken?token=sesame&sid=${sid}` })).status).toBe(500);
    const path = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
    const headers = { 'Content-Length': 2_200_000, Expect: '100-continue' };
    expect((await ask(cluster, { path, method: 'POST', headers })).status).toBe(413);
    await cluster.upstreams[0]?.close();
    expect((await ask(cluster, { path })).status).toBe(502);
    expect((await ask(cluster, { path: '/?token=sesame' })).status).toBe(502);
    const requests = [/"GET \/socket\.io\/ .* 200 /, /"GET \/ .* 200 /, /"POST \/socket\.io\/ .* 413 /];
    for (const request of [...requests, /"GET \/socket\.io\/ .* 502 /, /"GET \/ .* 502 /])
      await logged(cluster, request);
    expect(sid).toMatch(/^[\w-]{20}$/);
    for (const log of [await cluster.nginx.accessLog(), await cluster.nginx.errorLog()]) {
      expect(log).not.toContain(sid);
      expect(log).not.toMatch(/sesame|EIO=4/);
    }
  });
});

describe('an operator', () => {
  it('can limit the open connections of one address', async () => {
    const cluster = await openCluster(['--max-per-address', '2', ...BEHIND_PROXY]);
    const [one, other] = [{ 'X-Forwarded-For': '203.0.113.1' }, { 'X-Forwarded-For': '203.0.113.2' }];
    await connect(cluster, ['websocket'], { headers: one });
    await connect(cluster, ['websocket'], { headers: one });
    expect((await ask(cluster, { headers: one })).status).toBe(429);
    expect((await ask(cluster, { headers: other })).status).toBe(200);
  });

  it('can limit the requests of one address, after a burst of ten seconds', async () => {
    const cluster = await openCluster(['--rate-per-address', '1', ...BEHIND_PROXY]);
    const [one, other] = [{ 'X-Forwarded-For': '203.0.113.1' }, { 'X-Forwarded-For': '203.0.113.2' }];
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(cluster, { headers: one })));
    const served = answers.filter(({ status }) => status === 200).length;
    expect(served).toBeGreaterThanOrEqual(11);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(60 - served);
    expect(served).toBeLessThan(60);
    expect((await ask(cluster, { headers: other })).status).toBe(200);
  });

  it('does not pass on headers that a worker would not take', async () => {
    const cluster = await openCluster();
    const headers = (bytes: number) => ({ headers: { Cookie: 'x'.repeat(bytes) } });
    expect((await ask(cluster, headers(7_000))).status).toBe(200);
    expect((await ask(cluster, headers(9_000))).status).toBe(400);
  });

  it('can add to the server in files of roomcast.d', async () => {
    const files = { 'roomcast.d/extra.conf': 'location = /extra { return 204; }\n' };
    const cluster = await openCluster([], { files });
    expect((await ask(cluster, { path: '/extra' })).status).toBe(204);
    expect((await ask(cluster)).status).toBe(200);
  });
});
