import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { parseRedisAddress, parseSentinelAddress } from '../../../src/backend/redis/connection/address.ts';
import { openSentinelTarget } from '../../../src/backend/redis/connection/sentinel-target.ts';
import { silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

interface FakeSentinel {
  readonly text: string;
  /** Sets its answer from now on: the master's port, after so many failovers. */
  name(port: number, failovers: number): void;
  /** It answers no more. */
  leave(): void;
  /** The number of its answers so far. */
  answers(): number;
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;

async function fakeSentinelForTest(): Promise<FakeSentinel> {
  let [port, failovers, answers] = [0, 0, 0];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const [, name = '', word = ''] of chunk
        .toString()
        .matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n(?:\$\d+\r\n(.*)\r\n)?/g)) {
        if (name === 'HELLO') socket.write(`%1\r\n${bulk('proto')}:3\r\n`);
        else if (word === 'MASTER') socket.write(`%1\r\n${bulk('config-epoch')}${bulk(String(failovers))}`);
        else if (name === 'SENTINEL') {
          answers += 1;
          socket.write(`*2\r\n${bulk('10.0.0.1')}${bulk(String(port))}`);
        } else socket.write('+OK\r\n');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return {
    text: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    name: (toPort, afterFailovers) => {
      [port, failovers] = [toPort, afterFailovers];
    },
    leave() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
    answers: () => answers,
  };
}

it('of Sentinels that disagree, the one that saw the newest failover is believed', async () => {
  const [stale, current] = [await fakeSentinelForTest(), await fakeSentinelForTest()];
  stale.name(1, 4);
  current.name(1, 4);
  const target = openSentinelTarget({
    sentinels: [stale, current].map(({ text }) => parseSentinelAddress(text, undefined)),
    name: 'chat',
    address: parseRedisAddress('redis://me:pw@ignored/3'),
    log: silent,
  });
  onTestFinished(() => target.close());
  let moves = 0;
  target.onMove(() => {
    moves += 1;
  });
  const leadsTo = (port: number) =>
    eventually(() => {
      target.recheck();
      expect(target.address()).toMatchObject({
        endpoint: { host: '10.0.0.1', port },
        username: 'me',
        password: 'pw',
        database: 3,
      });
    });
  await leadsTo(1);
  current.name(2, 5);
  await leadsTo(2);
  // However often the other one repeats what was true before.
  const heard = stale.answers();
  await eventually(() => {
    target.recheck();
    expect(stale.answers()).toBeGreaterThan(heard + 3);
  });
  stale.name(2, 5);
  await leadsTo(2);
  expect(moves).toBe(2);
});

it('a Sentinel that is away has no vote any more while another one answers', async () => {
  const [gone, anew] = [await fakeSentinelForTest(), await fakeSentinelForTest()];
  gone.name(1, 5);
  anew.name(1, 5);
  let laterMs = 0;
  const target = openSentinelTarget({
    sentinels: [gone, anew].map(({ text }) => parseSentinelAddress(text, undefined)),
    name: 'chat',
    address: parseRedisAddress('redis://ignored'),
    log: silent,
    now: () => performance.now() + laterMs,
  });
  onTestFinished(() => target.close());
  const heard = (sentinel: FakeSentinel) =>
    eventually(() => {
      target.recheck();
      expect(sentinel.answers()).toBeGreaterThan(0);
      expect(target.address()).toMatchObject({ endpoint: { port: 1 } });
    });
  await heard(gone);
  await heard(anew);
  gone.leave();
  anew.name(2, 0);
  laterMs = 60_000;
  await eventually(() => {
    target.recheck();
    expect(target.address()).toMatchObject({ endpoint: { port: 2 } });
  });
});
