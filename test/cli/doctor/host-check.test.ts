import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { checkHost } from '../../../src/cli/doctor/host-check.ts';

const LIMITS = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft}                 1048576              files\n`;

describe('the check of the host', () => {
  it.each([
    [{ '/proc/self/limits': LIMITS('1024') }, 'this shell may open 1024 files'],
    [{ '/proc/sys/net/core/somaxconn': '128\n' }, 'the kernel queues 128 new connections'],
    [
      {
        '/proc/sys/net/netfilter/nf_conntrack_count': '60000\n',
        '/proc/sys/net/netfilter/nf_conntrack_max': '65536\n',
      },
      'the firewall tracks 60000 of at most 65536 connections',
    ],
  ])('finds a limit that is too low: %j', async (files: Record<string, string>, problem) => {
    const findings = await checkHost({ primary: undefined, claims: [], readFile: (path) => files[path] });
    expect(findings).toEqual([
      { subject: 'host', problem: expect.stringContaining(problem), fix: expect.stringMatching(/^R/) },
    ]);
  });

  it('finds nothing on a machine with high limits, nor on one that tells nothing', async () => {
    const files: Record<string, string> = {
      '/proc/self/limits': LIMITS('unlimited'),
      '/proc/sys/net/core/somaxconn': '4096\n',
      '/proc/sys/net/netfilter/nf_conntrack_count': '60000\n',
      '/proc/sys/net/netfilter/nf_conntrack_max': '262144\n',
    };
    const check = (readFile: (path: string) => string | undefined) =>
      checkHost({ primary: undefined, claims: [], readFile });
    expect(await check((path) => files[path])).toEqual([]);
    expect(await check(() => undefined)).toEqual([]);
  });

  it('asks for the limits of the running server, whose ports are its own', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const claims = [{ name: 'PORT', host: '127.0.0.1', port }];
    const stopped = await checkHost({ primary: undefined, claims, readFile: () => undefined });
    expect(stopped).toMatchObject([{ problem: `PORT ${port} on 127.0.0.1 is taken (EADDRINUSE)` }]);
    const running = await checkHost({
      primary: { pid: 77, isOurs: true, ports: [port] },
      claims,
      readFile: (path) => (path === '/proc/77/limits' ? LIMITS('512') : undefined),
    });
    expect(running).toMatchObject([{ problem: expect.stringContaining('the server may open 512 files') }]);
    const other = await checkHost({
      primary: { pid: 77, isOurs: false, ports: [6001, 6002] },
      claims,
      readFile: () => undefined,
    });
    expect(other.map(({ problem }) => problem)).toEqual([
      'another Roomcast (pid 77) answers on ADMIN_PORT, and its workers listen on 6001, 6002, not from BASE_PORT on',
      `PORT ${port} on 127.0.0.1 is taken (EADDRINUSE)`,
    ]);
    server.close();
  });
});
