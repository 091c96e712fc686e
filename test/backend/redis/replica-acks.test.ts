import { expect, it } from 'vitest';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { append, draftOf, granted, newRoom, range, read } from '../../contract/peers.ts';
import { peerForTest, redisForTest, redisOptions, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

async function masterAndReplica() {
  const master = await redisForTest(['--repl-diskless-sync-delay', '0']);
  const replica = await redisForTest(['--replicaof', `127.0.0.1 ${master.port}`]);
  await eventually(async () =>
    expect(await replica.ask('INFO replication')).toMatch(/master_link_status:up/),
  );
  return { master, replica };
}

it('a message is acknowledged only when as many replicas have it as ACK_REPLICAS says', async () => {
  const { master, replica } = await masterAndReplica();
  const peer = await peerForTest(master.url, { ackReplicas: 1 });
  const room = newRoom();
  await append(peer, room, '1');
  replica.freeze();
  const dedupe = { scope: 'ann', clientMsgId: 'retried' };
  const draft = draftOf(room, 'retried', { dedupe });
  for (const _ of [1, 2]) {
    expect(await peer.logs.append(room, draft)).toMatchObject({
      ok: false,
      error: { code: 'unavailable', message: 'the store has it, but too few replicas yet', temporary: true },
    });
  }
  // It is stored, but not acknowledged.
  expect((await read(peer, room)).top).toBe(2);
  replica.thaw();
  const acked = await eventually(async () => granted(await peer.logs.append(room, draft)));
  expect(acked).toMatchObject({ seq: 2, dup: true });
  await replica.ask('REPLICAOF NO ONE');
  expect(await replica.ask(`XLEN rc:{${room.tag}}:log`)).toBe(':2\r\n');
});

it('a worker is ready only while the replicas answer it', async () => {
  const { master, replica } = await masterAndReplica();
  const peer = await peerForTest(master.url, { ackReplicas: 1 });
  granted(await peer.check());
  replica.freeze();
  await peer.logs.append(newRoom(), draftOf(newRoom(), '1'));
  expect(await peer.check()).toMatchObject({
    ok: false,
    error: { code: 'unavailable', message: 'the store has it, but too few replicas yet' },
  });
  replica.thaw();
  await eventually(async () => granted(await peer.check()));
  await master.ask('ACL SETUSER default -wait');
  await peer.logs.append(newRoom(), draftOf(newRoom(), '2'));
  expect(await peer.check()).toMatchObject({
    ok: false,
    error: { message: 'the store denies a permission (NOPERM)' },
  });
});

it('connections from before and after Redis forgot a promotion still ask for the same master', async () => {
  const [first, promoted] = [
    await redisForTest(['--repl-diskless-sync-delay', '0']),
    await redisForTest(['--repl-diskless-sync-delay', '0', '--repl-backlog-ttl', '1']),
  ];
  await promoted.ask(`REPLICAOF 127.0.0.1 ${first.port}`);
  await eventually(async () =>
    expect(await promoted.ask('INFO replication')).toMatch(/master_link_status:up/),
  );
  await promoted.ask('REPLICAOF NO ONE');
  const peer = await peerForTest(promoted.url, { ackReplicas: 1 });
  await eventually(async () =>
    expect(await promoted.ask('INFO replication')).toMatch(/second_repl_offset:-1\r/),
  );
  // The connection for commands is the oldest that subscribes to nothing.
  const ids = (await promoted.ask('CLIENT LIST TYPE normal'))
    .split('\n')
    .filter((line) => line.includes('addr=127'))
    .map((line) => Number(/id=(\d+)/.exec(line)?.[1]));
  await promoted.ask(`CLIENT KILL ID ${Math.min(...ids)}`);
  await first.ask(`REPLICAOF 127.0.0.1 ${promoted.port}`);
  // Each check is one of a worker's health checks.
  await eventually(async () => granted(await peer.check()));
  await append(peer, newRoom(), 'x');
});

it('messages that come together share one question to the replicas', async () => {
  const { master } = await masterAndReplica();
  const peer = await peerForTest(master.url, { ackReplicas: 1 });
  const rooms = range(1, 10).map(() => newRoom());
  await master.ask('CONFIG RESETSTAT');
  await Promise.all(rooms.flatMap((room) => range(1, 20).map((n) => append(peer, room, String(n)))));
  const calls = Number(/cmdstat_wait:calls=(\d+)/.exec(await master.ask('INFO commandstats'))?.[1]);
  expect(calls).toBeGreaterThan(0);
  expect(calls).toBeLessThan(100);
});

it('Redis itself may refuse messages while it has too few replicas', async () => {
  const alone = await redisForTest(['--min-replicas-to-write', '1']);
  const peer = await peerForTest(alone.url);
  const room = newRoom();
  expect(await peer.logs.append(room, draftOf(room, '1'))).toMatchObject({
    ok: false,
    error: { code: 'unavailable', message: 'the store has too few replicas (NOREPLICAS)', temporary: true },
  });
});

it('the start warns of a Redis with fewer replicas than ACK_REPLICAS', async () => {
  const redis = await redisForTest();
  const options = redisOptions(redis.url, { ackReplicas: 2 });
  const primary = await openRedisPrimary({ options, host: 'test', log: silent });
  await primary.close();
  expect(primary.warnings.join()).toMatch(/ACK_REPLICAS is 2, but Redis has 0 replicas/);
});
