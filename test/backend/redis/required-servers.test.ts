import { expect, it, onTestFinished } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { openRedisConnection } from '../../../src/backend/redis/connection/redis-connection.ts';
import { fixedTarget, type RedisTarget } from '../../../src/backend/redis/connection/target.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import {
  createWarningLook,
  type PrimaryNode,
  requireServers,
} from '../../../src/backend/redis/topology/required-servers.ts';
import { createSeveralServers } from '../../../src/backend/redis/topology/several-servers.ts';
import { createOneServer } from '../../../src/backend/redis/topology/topology.ts';
import { redisForTest, redisOptions, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

const keys = redisKeys('rc');

function nodeForTest(url: string, target: RedisTarget = fixedTarget(parseRedisAddress(url))): PrimaryNode {
  const commands = openRedisConnection({
    target: fixedTarget(parseRedisAddress(url)),
    scripts: [],
    log: silent,
  });
  onTestFinished(() => commands.close());
  return { commands, target, close: commands.close };
}

it('the start awaits the next master if the server becomes a replica between two checks', async () => {
  const [next, previous] = [await redisForTest(), await redisForTest()];
  await previous.ask(`REPLICAOF 127.0.0.1 ${next.port}`);
  await eventually(async () => expect(await previous.ask('ROLE')).toMatch(/slave/));
  let address = parseRedisAddress(previous.url);
  const target: RedisTarget = {
    ...fixedTarget(address),
    moves: true,
    address: () => address,
    recheck() {
      address = parseRedisAddress(next.url);
    },
  };
  // The connection for commands found a master.
  const topology = createOneServer(target, nodeForTest(next.url, target));
  const options = redisOptions(next.url);
  await requireServers({ topology, options, keys, patienceMs: 10_000, log: silent });
  expect(address.shown).toContain(String(next.port));
});

it('the warnings of a server stand while it is away', async () => {
  const [kept, forgetful] = [await redisForTest(), await redisForTest(['--appendonly', 'no'])];
  await forgetful.ask('CONFIG SET appendonly no');
  const nodes = [kept, forgetful].map(({ url }) => nodeForTest(url));
  const topology = createSeveralServers(nodes.map((node) => ({ name: node.target.shown, node })));
  const look = createWarningLook(topology, redisOptions(kept.url), keys);
  const warnings = [expect.stringContaining('appendonly no')];
  expect(await look()).toEqual(warnings);
  await forgetful.kill9();
  expect(await look()).toEqual(warnings);
  await forgetful.start();
  await forgetful.ask('CONFIG SET appendonly yes');
  expect(await look()).toEqual([]);
});
