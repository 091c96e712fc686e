import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { enter, type Member } from '../support/member.ts';
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

const RECONNECTS = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };

/** Resolves once both workers are others than before, and serve. */
async function reload(host: Host): Promise<void> {
  const replaced = (await host.status()).workers.map(({ pid }) => pid);
  process.kill(host.pid, 'SIGHUP');
  await eventually(
    async () => {
      const { workers } = await host.status();
      expect(workers.map(({ state }) => state)).toEqual(['ready', 'ready']);
      expect(workers.filter(({ pid }) => replaced.includes(pid))).toEqual([]);
    },
    { timeout: 60_000, interval: 100 },
  );
}

const came = (member: Member) => member.heard.filter(({ event }) => event === 'joined').length;
const seqs = (member: Member) => member.said.map(({ seq }) => seq);

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
  for (const member of [ann, bob]) {
    await eventually(() => expect(seqs(member).filter((seq) => seq > 1)).toEqual([2, 3]));
  }
  const members = await bob.do('room:members');
  expect(members.members.map(({ username }) => username).sort()).toEqual(['Ann', 'Bob']);
  // The previous release passes on what it does not know, and stores beside it.
  await bob.do('edit', { seq: 2, text: 'edited' });
  await bob.do('react', { seq: 1, reaction: '👍' });
  expect(await ann.do('say', { text: 'afterwards' })).toMatchObject({ seq: 6 });
  const carol = await enter(old.workerUrls[0] as string, 'releases', 'Carol');
  expect(carol.joined.messages).toMatchObject([
    { seq: 1, reactions: [{ reaction: '👍', count: 1 }] },
    { seq: 2, data: { text: 'edited' }, edited: { seq: 4 } },
    { seq: 3 },
    { seq: 4, event: 'edited', ref: 2 },
    { seq: 5, event: 'reacted', ref: 1 },
    { seq: 6 },
  ]);
  carol.close();
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
])('a reload under several clients', (title, before, after) => {
  it(title, async () => {
    await before();
    const host = await startHost({ main: previous.main });
    const [first, second] = host.workerUrls as [string, string];
    const members: Member[] = [];
    for (const [index, url] of [first, second, first].entries())
      members.push(await enter(url, 'upgrade', `Member ${index}`, RECONNECTS));
    for (const member of members) await member.do('say', { text: 'to the old worker' });
    for (const member of members) await eventually(() => expect(seqs(member)).toEqual([1, 2, 3]));
    await after();
    await reload(host);
    for (const member of members) await eventually(() => expect(came(member)).toBe(2));
    for (const [index, member] of members.entries())
      expect(await member.do('say', { text: 'to the new worker' })).toMatchObject({ seq: 4 + index });
    for (const member of members) await eventually(() => expect(seqs(member)).toEqual([1, 2, 3, 4, 5, 6]));
    for (const member of members) member.close();
    expect(await host.stop()).toBe(0);
    await host.remove();
  });
});
