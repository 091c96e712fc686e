import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { enter } from '../support/member.ts';
import { type Installed, installPrevious } from '../support/previous-release.ts';
import { openRedis } from '../support/redis-server.ts';

/** Building the previous release takes most of it. */
const BUILD_MS = 180_000;

let previous: Installed;
beforeAll(async () => {
  previous = await installPrevious();
  process.stdout.write(`the previous release is ${previous.from}\n`);
}, BUILD_MS);
afterAll(() => previous?.remove());

it('hosts of the previous release and of this one share rooms over one Redis', async () => {
  const redis = await openRedis();
  const old = await startHost({ redisUrl: redis.url, main: previous.main });
  const ann = await enter(old.workerUrls[0] as string, 'releases', 'Ann');
  await ann.do('say', { text: 'before' });
  const young = await startHost({ redisUrl: redis.url });
  const bob = await enter(young.workerUrls[0] as string, 'releases', 'Bob');
  expect(bob.joined.messages.map((entry) => entry.seq)).toEqual([1]);
  await bob.do('say', { text: 'from this release' });
  await ann.do('say', { text: 'from the previous one' });
  for (const { said } of [ann, bob]) {
    await eventually(() => expect(said.map(({ seq }) => seq).filter((seq) => seq > 1)).toEqual([2, 3]));
  }
  const members = await bob.do('room:members');
  expect(members.members.map(({ username }) => username).sort()).toEqual(['Ann', 'Bob']);
  for (const member of [ann, bob]) member.close();
  await Promise.all([old.stop(), young.stop()]);
  await Promise.all([old.remove(), young.remove()]);
  await redis.close();
});

describe.each([
  [
    'the previous release’s primary brings in this release’s workers',
    () => previous.putBack(),
    () => previous.upgrade(),
  ],
  [
    'this release’s primary puts the previous release’s workers back',
    () => previous.upgrade(),
    () => previous.putBack(),
  ],
])('a reload under', (title, before, after) => {
  it(title, async () => {
    await before();
    const host = await startHost({ main: previous.main });
    const options = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
    const ann = await enter(host.workerUrls[0] as string, 'upgrade', 'Ann', options);
    await ann.do('say', { text: 'to the old worker' });
    const replaced = (await host.status()).workers.map(({ pid }) => pid);
    await after();
    process.kill(host.pid, 'SIGHUP');
    await eventually(
      async () => {
        const { workers } = await host.status();
        expect(workers.map(({ state }) => state)).toEqual(['ready', 'ready']);
        expect(workers.filter(({ pid }) => replaced.includes(pid))).toEqual([]);
      },
      { timeout: 60_000, interval: 100 },
    );
    await eventually(() => expect(ann.heard.filter(({ event }) => event === 'joined')).toHaveLength(2));
    expect(await ann.do('say', { text: 'to the new worker' })).toMatchObject({ seq: 2 });
    ann.close();
    expect(await host.stop()).toBe(0);
    await host.remove();
  });
});
