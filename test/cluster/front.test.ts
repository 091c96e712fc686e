import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { openFront } from '../../src/cluster/front.ts';
import { connectionsWithin } from '../../src/cluster/open-connections.ts';
import { silentLog } from './silent-log.ts';

it('the front door closes connections beyond those that may be on their way, whatever they send', async () => {
  const front = await openFront({
    host: '127.0.0.1',
    port: 0,
    mostConnections: 2,
    log: silentLog,
    now: () => 0,
  });
  onTestFinished(() => front.close());
  async function dial(first: string): Promise<() => Promise<string>> {
    const socket = connect(front.port, '127.0.0.1').setEncoding('latin1');
    onTestFinished(() => void socket.destroy());
    let answer = '';
    socket.on('data', (part: string) => (answer += part)).on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await once(socket, 'connect');
    socket.write(first);
    return async () => {
      socket.end('\r\n');
      await closed;
      return answer;
    };
  }
  const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n';
  const [waiting] = [await dial(request), await dial('')];
  const refused = await dial(`${request}\r\n`);
  expect(await refused()).toBe('');
  expect(await waiting?.()).toMatch(/^HTTP\/1\.1 503 /);
});

it('a process keeps a twentieth of its files for itself', () => {
  expect([undefined, 1_024, 2].map(connectionsWithin)).toEqual([Number.POSITIVE_INFINITY, 972, 1]);
});
