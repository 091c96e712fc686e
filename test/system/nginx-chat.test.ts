import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { connect, enter, type Member } from '../support/member.ts';
import { type NginxServer, openNginx } from '../support/nginx-server.ts';
import { freePorts } from '../support/ports.ts';
import { type System, startSystem } from '../support/system.ts';
import { askForOddHosts } from './odd-hosts.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** What `roomcast nginx` prints for the system's hosts. */
async function generate(system: System, port: number, ...more: string[]): Promise<string> {
  const hosts = system.hosts.map(({ basePort }) => `127.0.0.1:${basePort}x2`).join(',');
  const args = [MAIN, 'nginx', '--hosts', hosts, '--listen', `127.0.0.1:${port}`, ...more];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

/** Every client comes from this machine; a proxy that nginx trusts says where it came from. */
function from(address: string) {
  return { extraHeaders: { 'X-Forwarded-For': address } };
}

describe('two hosts with two workers each behind nginx', () => {
  let system: System;
  let nginx: NginxServer;
  let port: number;

  beforeAll(async () => {
    system = await startSystem('cluster');
    port = await freePorts(1);
    nginx = await openNginx(
      await generate(system, port, '--hash', 'remote_addr', '--trust-proxy', '127.0.0.0/8'),
    );
  });
  afterAll(async () => {
    await nginx?.close();
    await system?.stop();
  });

  /** Members from 32 addresses: enough that consistent hashing reaches all four workers. */
  async function comeFrom32Addresses(roomid: string, transports: string[]): Promise<Member[]> {
    return Promise.all(
      Array.from({ length: 32 }, (_, n) =>
        enter(`http://127.0.0.1:${port}`, roomid, `p${n}`, { transports, ...from(`203.0.113.${n + 1}`) }),
      ),
    );
  }

  /** Until the last client's farewell has come through. */
  async function empty(): Promise<void> {
    const clients = async () => (await system.clientsByWorker()).reduce((sum, n) => sum + n);
    await expect.poll(clients).toBe(0);
  }

  it.each([
    ['WebSocket', ['websocket']],
    ['polling only', ['polling']],
    ['polling, then an upgrade', ['polling', 'websocket']],
  ])('let members on all four workers chat with each other by %s', async (_name, transports) => {
    const members = await comeFrom32Addresses(transports.join('-'), transports);
    await eventually(async () => expect((await system.clientsByWorker()).every((n) => n > 0)).toBe(true));
    const talkers = members.slice(0, 8);
    await Promise.all(talkers.map((member, n) => member.do('say', { text: `from ${n}` })));
    for (const { said } of members) await eventually(() => expect(said).toHaveLength(8));
    const orders = members.map(({ said }) => said.map(({ seq, data }) => `${seq} ${data.text}`).join());
    expect(new Set(orders).size).toBe(1);
    for (const member of members) member.close();
    await empty();
  });

  it('serve the page and its stock client', async () => {
    expect((await fetch(`http://127.0.0.1:${port}/`)).headers.get('content-type')).toContain('text/html');
    expect((await fetch(`http://127.0.0.1:${port}/socket.io/socket.io.js`)).status).toBe(200);
  });

  it('pass the files on as the workers have encoded them, with one tag from all of them', async () => {
    for (const [path, coding] of [
      ['/r/%E8%8C%B6', 'br'],
      ['/sdk.js', 'br'],
      ['/sdk.js', 'gzip'],
    ] as const) {
      const answers = await Promise.all(
        [`http://127.0.0.1:${port}`, ...system.workerUrls].map(async (url) => {
          const { status, headers } = await fetch(`${url}${path}`, {
            headers: { 'accept-encoding': coding },
          });
          return [status, headers.get('content-encoding'), headers.get('etag')];
        }),
      );
      const [, , etag] = answers[0] ?? [];
      expect(etag).toMatch(new RegExp(`^"[\\w-]{22}-${coding}"$`));
      for (const answer of answers) expect(answer).toEqual([200, coding, etag]);
    }
  });

  it('serve any host name, though workers on loopback accept only their own', async () => {
    const statusOf = async (url: string) => {
      const sent = request(url, { agent: false, headers: { host: 'chat.example.org' } }).end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      response.destroy();
      return response.statusCode;
    };
    expect(await statusOf(`http://127.0.0.1:${port}/`)).toBe(200);
    for (const url of system.workerUrls) expect(await statusOf(`${url}/`)).toBe(403);
  });

  it('answer a request that names no single host 400, unless nginx makes one name of it', async () => {
    const odd = await askForOddHosts([{ url: `http://127.0.0.1:${port}`, upgrades: true }]);
    const served = odd.filter(({ status }) => status !== 'HTTP/1.1 400 Bad Request');
    // nginx takes the name in the target, and ends a name at its colon. There is nothing to upgrade to.
    const named = ['Host: localhost:80\\@evil', 'Host: localhost:80\\@evil', 'Host: localhost:99999'];
    const heads = [...named, 'GET http://evil/healthz HTTP/1.1', 'GET http://localhost/healthz HTTP/1.1'];
    expect(
      served.map(({ request, status }) => [heads.find((head) => request.includes(head)), status]),
    ).toEqual(
      ['HTTP/1.1 200 OK', 'HTTP/1.1 404 Not Found'].flatMap((status) => heads.map((head) => [head, status])),
    );
  });

  it('with ip_hash keep a forwarded address on one worker, polling sessions too', async () => {
    const hashed = await freePorts(1);
    const front = await openNginx(await generate(system, hashed, '--trust-proxy', '127.0.0.0/8'));
    try {
      const url = `http://127.0.0.1:${hashed}`;
      const where = async (address: string) => {
        const member = await connect(url, { transports: ['polling'], ...from(address) });
        const { worker, time } = member.hello;
        expect(time).toBeGreaterThan(0);
        await member.do('join', { roomid: 'hashed' });
        member.close();
        return worker;
      };
      const same = await Promise.all(Array.from({ length: 5 }, () => where('198.51.100.7')));
      expect(new Set(same).size).toBe(1);
      const spread = await Promise.all(Array.from({ length: 16 }, (_, n) => where(`203.0.${n}.9`)));
      expect(new Set(spread).size).toBeGreaterThan(1);
      await empty();
    } finally {
      await front.close();
    }
  });

  it('continue when a worker dies: its clients reconnect elsewhere and resume', async () => {
    const options = {
      reconnection: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      ...from('198.51.100.1'),
    };
    const ann = await enter(`http://127.0.0.1:${port}`, 'moves', 'Ann', options);
    const [serving, other] = await eventually(async () => {
      const workers = (await Promise.all(system.hosts.map((host) => host.status()))).flatMap(
        (status) => status.workers,
      );
      const serving = workers.find(({ clients }) => clients === 1);
      expect(serving).toBeDefined();
      return [serving, workers.find(({ clients }) => clients === 0)];
    });
    const bob = await enter(`http://127.0.0.1:${other?.port}`, 'moves', 'Bob');
    process.kill(serving?.pid as number, 'SIGKILL');
    await eventually(() => expect(ann.heard.filter(({ event }) => event === 'joined')).toHaveLength(2));
    await bob.do('say', { text: 'welcome back' });
    await eventually(() => expect(ann.said.at(-1)?.data.text).toBe('welcome back'));
    for (const member of [ann, bob]) member.close();
  });
});
