import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { readServerUrl } from '../../src/load/plan/server-url.ts';
import { checkReachable } from '../../src/load/server/reachable.ts';

/** Asks a server that answers so. */
async function problemsOf(answer: RequestListener, limitMs?: number): Promise<string[]> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = readServerUrl(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return await checkReachable(url === undefined ? [] : [url], limitMs);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('a server that is to be loaded', () => {
  it('is reachable if it begins a session, however its answer goes on', async () => {
    expect(await problemsOf((_, response) => response.end('0{"sid":"x"}'))).toEqual([]);
    expect(await problemsOf((_, response) => response.write('0{"sid"'))).toEqual([]);
    expect(await problemsOf((_, response) => response.writeHead(503).flushHeaders())).toEqual([]);
  });

  it('is told from a server that is no Socket.IO', async () => {
    const alien = [expect.stringMatching(/answers HTTP \d+ at .*, which is no Socket\.IO/)];
    expect(await problemsOf((_, response) => response.end('<html>'))).toEqual(alien);
    expect(await problemsOf((_, response) => response.end())).toEqual(alien);
    expect(await problemsOf((_, response) => response.writeHead(404).write('dripping'))).toEqual(alien);
  });

  it('does not hold up the start if it ends the connection within its answer', async () => {
    const cut: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('0', () => response.destroy());
    };
    expect(await problemsOf(cut)).toEqual([
      expect.stringMatching(/does not answer \(.+\): start the server/),
    ]);
  });

  it('does not hold up the start if its answer never comes', async () => {
    const within = [expect.stringMatching(/does not answer \(no answer within 0\.2 s\)/)];
    expect(await problemsOf(() => undefined, 200)).toEqual(within);
    expect(await problemsOf((_, response) => response.writeHead(200).flushHeaders(), 200)).toEqual(within);
  });
});
