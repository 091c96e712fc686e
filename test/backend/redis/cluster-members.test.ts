import { expect, it, onTestFinished, vi } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import type { RedisConnection } from '../../../src/backend/redis/connection/redis-connection.ts';
import { openCluster } from '../../../src/backend/redis/topology/cluster.ts';
import { succeed } from '../../../src/protocol/codes.ts';
import { silent } from '../../contract/redis-harness.ts';

/** A line of CLUSTER NODES. */
const master = (port: number, epoch: number, ...slots: readonly string[]) =>
  `id${port} 127.0.0.1:${port}@1${port} master - 0 0 ${epoch} connected ${slots.join(' ')}`;
const replica = (port: number) => `id${port} 127.0.0.1:${port}@1${port} slave id1 0 0 1 connected`;

/** A cluster of servers that reply to CLUSTER NODES with `listed`, and to each other call with `reply`. */
async function clusterOf(listed: string[], reply: (port: string) => Promise<unknown>) {
  const seen = { listed, opened: [] as string[], closed: [] as string[], elapsedMs: 0 };
  const cluster = openCluster({
    seeds: [parseRedisAddress('redis://127.0.0.1:1')],
    askOnce: async () => undefined,
    log: silent,
    refreshMs: 1_000_000,
    now: () => seen.elapsedMs,
    openNode(target) {
      const port = target.shown.replace('127.0.0.1:', '');
      seen.opened.push(port);
      return {
        commands: {
          server: () => ({ term: port, version: '7.4.0' }),
          usable: async () => true,
          call: async ([name = '']: readonly string[]) =>
            name === 'CLUSTER' ? succeed(seen.listed.join('\n')) : reply(port),
        } as unknown as RedisConnection,
        close: async () => void seen.closed.push(port),
      };
    },
  });
  onTestFinished(() => cluster.close());
  expect(await cluster.known(10_000)).toBe(true);
  return { cluster, seen };
}

function redirection(kind: 'moved' | 'ask', port: number) {
  const error = { code: 'unavailable', message: 'the store is moving data' };
  return { ok: false, error, redirect: { kind, host: '127.0.0.1', port } };
}

it('tells of a takeover of which a redirected call learned first', async () => {
  let promoted = false;
  const { cluster, seen } = await clusterOf([master(1, 1, '0-16383'), replica(2)], async (port) =>
    promoted && port === '1' ? redirection('moved', 2) : succeed(port),
  );
  let takeovers = 0;
  cluster.onTakeover(() => (takeovers += 1));
  promoted = true;
  seen.listed = [replica(1), master(2, 2, '0-16383')];
  expect(await cluster.commands.call(['GET', 'a'])).toEqual(succeed('2'));
  expect(takeovers).toBe(1);
});

it('keeps the connection to a node that has no slot yet while calls are redirected there', async () => {
  let filling = true;
  const { cluster, seen } = await clusterOf(
    [master(1, 1, '0-16383', '[0->-id2]'), master(2, 0)],
    async (port) => (filling && port === '1' ? redirection('ask', 2) : succeed(port)),
  );
  for (let second = 0; second < 20; second += 1) {
    seen.elapsedMs += 1_000;
    expect(await cluster.commands.call(['GET', 'a'])).toEqual(succeed('2'));
    cluster.recheck();
    await new Promise(setImmediate);
  }
  expect(seen.closed).toEqual([]);
  expect(seen.opened).toEqual(['1', '2']);
  filling = false;
  seen.elapsedMs += 60_000;
  cluster.recheck();
  await vi.waitFor(() => expect(seen.closed).toEqual(['2']));
});

it('follows a cluster that was built anew at the same addresses, whose epochs begin anew', async () => {
  let rebuilt = false;
  const { cluster, seen } = await clusterOf(
    [master(1, 7, '0-9999'), master(2, 9, '10000-16383')],
    async (port) => (rebuilt && port === '1' ? redirection('moved', 2) : succeed(port)),
  );
  rebuilt = true;
  seen.listed = [master(1, 1, '16383'), master(2, 2, '0-16382')];
  const calls = ['a', 'b', 'c'].map((key) => cluster.commands.call(['GET', key]));
  expect(await Promise.all(calls)).toEqual(['2', '2', '2'].map(succeed));
  expect(cluster.nodeOf('a')).toBe(cluster.nodes()[1]);
});

it('follows it as well if no call shows that: the master itself lists other slots', async () => {
  const { cluster, seen } = await clusterOf(
    [master(1, 7, '0-9999'), master(2, 9, '10000-16383')],
    async (port) => succeed(port),
  );
  const [one, two] = cluster.nodes();
  seen.listed = [master(1, 1, '0-99').replace('master', 'myself,master'), master(2, 2, '100-16383')];
  cluster.recheck();
  // The slot of `b` is 3300.
  await vi.waitFor(() => expect(cluster.nodeOf('b')).toBe(two));
  expect(cluster.nodes()).toEqual([one, two]);
});

it('takes a node for one member, whether a reply names it by its host name or by its address', async () => {
  const announced = master(2, 9, '0-16383').replace('@12', '@12,localhost');
  const { cluster, seen } = await clusterOf([master(1, 0), announced], async (port) =>
    port === 'localhost:2' ? succeed(port) : redirection('moved', 2),
  );
  expect(await cluster.commands.call(['GET', 'a'])).toEqual(succeed('localhost:2'));
  cluster.recheck();
  await new Promise(setImmediate);
  expect(seen.opened).toEqual(['1', 'localhost:2']);
});

it('opens no connection once it is closed', async () => {
  const { cluster, seen } = await clusterOf([master(1, 1, '0-16383'), replica(2)], async () => succeed(''));
  await cluster.close();
  cluster.recheck();
  await new Promise(setImmediate);
  expect(seen.opened).toEqual(['1']);
});

it('opens no connection for a call that is redirected after it was closed', async () => {
  const waiting: ((outcome: unknown) => void)[] = [];
  const { cluster, seen } = await clusterOf(
    [master(1, 1, '0-16383')],
    () => new Promise((resolve) => waiting.push(resolve)),
  );
  const called = cluster.commands.call(['GET', 'a']);
  await cluster.close();
  waiting.shift()?.(redirection('ask', 2));
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  waiting.shift()?.(succeed('repeated'));
  expect(await called).toEqual(succeed('repeated'));
  expect(seen.opened).toEqual(['1']);
});
