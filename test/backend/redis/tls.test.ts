import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { BackendError, type BackendOptions } from '../../../src/backend/backend.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { slotOf } from '../../../src/backend/redis/topology/hash-slots.ts';
import { append, granted, newRoom, range, textsOf } from '../../contract/peers.ts';
import { openPeer, redisForTest, redisOptions, silent } from '../../contract/redis-harness.ts';
import type { Peer } from '../../contract/suite.ts';
import { type Certificates, makeCertificates, tlsSettings } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { openRedisCluster } from '../../support/redis-cluster.ts';
import type { RedisProcess } from '../../support/redis-server.ts';
import { openWatchedRedis } from '../../support/sentinels.ts';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
  return () => certificates.remove();
});

/** The settings of a host that trusts the authority and shows a certificate. */
const files = () => ({
  redisCaFile: certificates.caFile,
  redisCertFile: certificates.certFile,
  redisKeyFile: certificates.keyFile,
});

const tlsRedisForTest = () => redisForTest(tlsSettings(certificates));

async function refusalBy(url: string, options: object): Promise<string> {
  const opening = openRedisPrimary({
    options: redisOptions(url, options),
    host: 'test',
    log: silent,
    patienceMs: 300,
  });
  const error = await opening.then(
    (primary) => primary.close(),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BackendError);
  return (error as BackendError).message;
}

async function workerAndPrimary(where: Partial<BackendOptions>): Promise<Peer> {
  const { redisUrl: _, ...others } = redisOptions('', files());
  const primary = await openRedisPrimary({ options: { ...others, ...where }, host: 'test', log: silent });
  onTestFinished(() => primary.close());
  granted(await primary.check());
  const peer = await openPeer({ ...where, ...files() });
  onTestFinished(() => peer.close());
  return peer;
}

async function canChat(peer: Peer): Promise<void> {
  await Promise.all(
    range(1, 9).map(async () => {
      const room = newRoom();
      const heard: string[] = [];
      granted(await peer.bus.subscribe(room, (entry) => heard.push(...textsOf([entry]))));
      expect(await append(peer, room, 'secret')).toMatchObject({ seq: 1 });
      await eventually(() => expect(heard).toEqual(['secret']));
    }),
  );
  await eventually(async () => {
    granted(await peer.check());
    granted(await peer.bus.probe());
  });
}

it('workers and primary reach a Redis that asks for a certificate', async () => {
  const { url } = await tlsRedisForTest();
  await canChat(await workerAndPrimary({ redisUrl: url }));
});

it('workers and primary reach several servers that ask for a certificate', async () => {
  const servers = await Promise.all(range(1, 3).map(tlsRedisForTest));
  await canChat(await workerAndPrimary({ redisUrls: servers.map(({ url }) => url) }));
});

it('they reach the nodes of a Redis Cluster that ask for one, and follow a slot that moves', async () => {
  const cluster = await openRedisCluster({ certificates });
  onTestFinished(() => cluster.close());
  const peer = await workerAndPrimary({
    redisClusterNodes: cluster.addresses.slice(0, 1).map((address) => `rediss://${address}`),
  });
  await canChat(peer);
  const room = newRoom();
  await append(peer, room, 'before');
  const slot = slotOf(redisKeys('rc').channel(room));
  const owner = await cluster.ownerOf(slot);
  await cluster.moveSlot(slot, cluster.masters.find((one) => one !== owner) as RedisProcess);
  expect(await append(peer, room, 'after')).toMatchObject({ seq: 2 });
});

it.each([
  ['an address', (sentinel: string) => sentinel],
  ['host and port alone', (sentinel: string) => sentinel.replace(/^rediss:\/\/.*@/, '')],
])('they ask Sentinels for the master by TLS, named by %s, and follow it', async (_, named) => {
  const watched = await openWatchedRedis({ certificates });
  onTestFinished(() => watched.close());
  const peer = await workerAndPrimary({
    redisUrl: 'rediss://chat',
    redisSentinels: watched.sentinels.map(named),
    redisSentinelName: watched.name,
  });
  await canChat(peer);
  const room = newRoom();
  const before = await append(peer, room, 'before');
  await watched.replicated(watched.servers[0]);
  await watched.failover();
  const dedupe = { scope: 'ann', clientMsgId: 'after', content: 'after' };
  const after = await eventually(() => append(peer, room, 'after', { dedupe }));
  expect(after.seq).toBe(before.seq + 1);
  expect(after.epoch).not.toBe(before.epoch);
  await eventually(() => canChat(peer));
});

it('the start says when Redis cannot be trusted, wants a certificate, or a file is missing', async () => {
  const { url } = await tlsRedisForTest();
  const { caFile } = certificates;
  expect(await refusalBy(url, {})).toMatch(/certificate/);
  expect(await refusalBy(url, { redisCaFile: caFile })).toMatch(/certificate required|ECONNRESET|closed/i);
  expect(await refusalBy(url, { redisCaFile: '/nowhere/ca.pem' })).toMatch(
    /REDIS_CA_FILE cannot be read: ENOENT/,
  );
});
