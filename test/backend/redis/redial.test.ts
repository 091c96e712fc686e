import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { createPacedRedial } from '../../../src/backend/redis/connection/paced-redial.ts';
import { openRedisConnection } from '../../../src/backend/redis/connection/redis-connection.ts';
import { fixedTarget } from '../../../src/backend/redis/connection/target.ts';
import { openScripts } from '../../../src/backend/redis/scripts.ts';
import { append, granted, newRoom } from '../../contract/peers.ts';
import { peerForTest, redisForTest, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

/** Leads each new connection to the server that it names then. */
async function proxyForTest(port: number) {
  let leadsTo = port;
  const server = createServer((client) => {
    const upstream = connect(leadsTo, '127.0.0.1');
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead(to: number) {
      leadsTo = to;
    },
  };
}

it('a worker behind a proxy leaves a server that takes no writes, whatever cause it names', async () => {
  const [former, next] = [await redisForTest(), await redisForTest()];
  const proxy = await proxyForTest(former.port);
  const peer = await peerForTest(proxy.url);
  granted(await peer.check());
  await former.ask('CONFIG SET min-replicas-to-write 1');
  proxy.lead(next.port);
  expect(await peer.roster.heartbeat(1)).toMatchObject({ ok: false });
  await eventually(async () => granted(await peer.check()));
  await append(peer, newRoom(), 'moved');
  expect(await next.ask('DBSIZE')).not.toBe(':0\r\n');
});

it('the pauses between redials grow, and one success makes them short again', () => {
  let nowMs = 0;
  let redials = 0;
  const paced = createPacedRedial({
    now: () => nowMs,
    redial: () => {
      redials += 1;
    },
  });
  function failFor(seconds: number): number {
    const before = redials;
    for (let second = 0; second < seconds; second += 1) {
      nowMs += 1_000;
      paced.note(false);
    }
    return redials - before;
  }
  expect(failFor(1)).toBe(0);
  expect(failFor(1)).toBe(1);
  expect(failFor(60)).toBe(5);
  paced.note(true);
  nowMs += 60_000;
  expect(failFor(2)).toBe(1);
});

it('a replica is asked for its role alone', async () => {
  const redis = await redisForTest();
  await redis.ask('REPLICAOF 127.0.0.1 1');
  const connection = openRedisConnection({
    target: fixedTarget(parseRedisAddress(redis.url)),
    scripts: Object.values(openScripts()),
    log: silent,
  });
  onTestFinished(() => connection.close());
  await eventually(async () =>
    expect(
      Number(/cmdstat_info:calls=(\d+)/.exec(await redis.ask('INFO commandstats'))?.[1]),
    ).toBeGreaterThan(3),
  );
  expect(await redis.ask('INFO commandstats')).not.toContain('cmdstat_script');
  await redis.ask('REPLICAOF NO ONE');
  expect(await connection.usable(10_000)).toBe(true);
});
