import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runNginx } from '../../src/cli/nginx.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { connect, enter } from '../support/member.ts';
import { type NginxServer, openNginx } from '../support/nginx-server.ts';
import { NGINX_SETTINGS } from '../support/nginx-settings.ts';
import { freePorts } from '../support/ports.ts';
import { type System, startSystem } from '../support/system.ts';

describe('two hosts behind nginx with TLS', () => {
  let system: System;
  let certificates: Certificates;
  let ca: string;
  let port: number;
  let plainPort: number;
  let nginx: NginxServer;
  let site: string;

  /** nginx in front of these hosts, on two free ports. */
  async function openTls(hosts: string, ...more: string[]) {
    const tls = await freePorts(1);
    const plain = await freePorts(1);
    let config = '';
    const print = (text: string) => {
      config += text;
    };
    const args = [
      ...['--hosts', hosts, '--listen', `127.0.0.1:${tls}`, '--redirect-from', `127.0.0.1:${plain}`],
      ...['--tls-cert', certificates.certFile, '--tls-key', certificates.keyFile, ...more],
    ];
    expect(runNginx(args, NGINX_SETTINGS, { out: print, err: print })).toBe(0);
    return { tls, plain, nginx: await openNginx(config) };
  }

  beforeAll(async () => {
    [system, certificates] = await Promise.all([startSystem('cluster'), makeCertificates()]);
    ca = await readFile(certificates.caFile, 'utf8');
    const hosts = system.hosts.map(({ basePort }) => `127.0.0.1:${basePort}x2`).join(',');
    ({ tls: port, plain: plainPort, nginx } = await openTls(hosts, '--trust-proxy', '127.0.0.0/8'));
    site = `https://127.0.0.1:${port}`;
  });
  afterAll(async () => {
    await nginx?.close();
    await system?.stop();
    await certificates?.remove();
  });

  /** Shakes hands, asks for a page, and tells what was agreed on. */
  async function shakeHands(options: ConnectionOptions) {
    const socket = connectTls({ host: '127.0.0.1', port, ca, ...options });
    const sessions: Buffer[] = [];
    socket.on('session', (session) => sessions.push(session));
    await Promise.race([once(socket, 'secureConnect'), once(socket, 'close').then(() => undefined)]);
    const { alpnProtocol } = socket;
    const [protocol, resumed] = [socket.getProtocol(), socket.isSessionReused()];
    // TLS 1.3 sends the session after the handshake.
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    return { protocol, resumed, alpnProtocol, session: sessions.at(-1) };
  }

  it.each([
    ['WebSocket', ['websocket']],
    ['polling only', ['polling']],
    ['polling, then an upgrade', ['polling', 'websocket']],
  ])('let members chat by %s', async (_name, transports) => {
    const options = { transports, ca };
    const [ann, bob] = await Promise.all([
      enter(site, transports.join('-'), 'Ann', options),
      enter(site, transports.join('-'), 'Bob', options),
    ]);
    await ann.do('say', { text: 'hello' });
    await eventually(() => expect(bob.said.map(({ data }) => data.text)).toEqual(['hello']));
    ann.close();
    bob.close();
  });

  it('keep an address on one worker', async () => {
    const workerOf = async (address: string) => {
      const extraHeaders = { 'X-Forwarded-For': address };
      const member = await connect(site, { transports: ['polling'], ca, extraHeaders });
      member.close();
      return member.hello.worker;
    };
    const same = await Promise.all(Array.from({ length: 5 }, () => workerOf('198.51.100.7')));
    expect(new Set(same).size).toBe(1);
    const spread = await Promise.all(Array.from({ length: 16 }, (_, n) => workerOf(`203.0.${n}.9`)));
    expect(new Set(spread).size).toBeGreaterThan(1);
  });

  it('serve page and API by HTTP/2 over one connection', async () => {
    const session = connectHttp2(site, { ca });
    const statusOf = async (path: string, headers = {}) => {
      const request = session.request({ ':path': path, ...headers });
      const [response] = (await once(request, 'response')) as [Record<string, unknown>];
      request.resume();
      await once(request, 'close');
      return response[':status'];
    };
    const [page, script, api] = await Promise.all([
      statusOf('/'),
      statusOf('/socket.io/socket.io.js'),
      statusOf('/api/v1/rooms', system.keyHeader),
    ]);
    expect([page, script, api]).toEqual([200, 200, 200]);
    session.close();
  });

  it('accept TLS 1.2 and 1.3 with forward secrecy, and nothing older', async () => {
    const agreed = await shakeHands({ ALPNProtocols: ['http/1.1'] });
    expect(agreed).toMatchObject({ protocol: 'TLSv1.3', alpnProtocol: 'http/1.1' });
    expect(await shakeHands({ maxVersion: 'TLSv1.2' })).toMatchObject({ protocol: 'TLSv1.2' });
    const older = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    await expect(shakeHands(older)).rejects.toThrow(/alert|protocol/);
    const weaker = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' } as const;
    await expect(shakeHands(weaker)).rejects.toThrow(/handshake failure/);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('resume a session of %s', async (maxVersion) => {
    const first = await shakeHands({ maxVersion });
    expect(first).toMatchObject({ resumed: false, session: expect.any(Buffer) });
    const again = await shakeHands({ maxVersion, session: first.session });
    expect(again).toMatchObject({ resumed: true });
  });

  it('send requests without TLS on, with path, query and method', async () => {
    const sent = await fetch(`http://127.0.0.1:${plainPort}/api/v1/rooms?limit=2`, {
      method: 'POST',
      redirect: 'manual',
    });
    expect(sent.status).toBe(308);
    expect(sent.headers.get('location')).toBe(`${site}/api/v1/rooms?limit=2`);
  });

  it('tell workers that the client came by TLS, whatever the client says', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const worker = createServer((request, response) => {
      seen.push(request.headers);
      response.end();
    });
    await once(worker.listen(0, '127.0.0.1'), 'listening');
    const front = await openTls(`127.0.0.1:${(worker.address() as AddressInfo).port}x1`);
    try {
      const session = connectHttp2(`https://127.0.0.1:${front.tls}`, { ca });
      const request = session.request({ ':path': '/', 'x-forwarded-proto': 'http' });
      await once(request.resume(), 'close');
      session.close();
      expect(seen.map((headers) => headers['x-forwarded-proto'])).toEqual(['https']);
    } finally {
      await front.nginx.close();
      worker.close();
    }
  });
});
