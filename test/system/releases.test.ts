import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { enter, type Member } from '../support/member.ts';
import { type Installed, installPrevious } from '../support/previous-release.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';

/** Building the previous release takes most of it. */
const BUILD_MS = 180_000;

let previous: Installed;
beforeAll(async () => {
  previous = await installPrevious();
  process.stdout.write(`the previous release is ${previous.from}\n`);
}, BUILD_MS);
afterAll(() => previous?.remove());

const RECONNECTS = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };

const logLines = (host: Host, message: string) =>
  host
    .output()
    .stderr.split('\n')
    .filter((line) => line.includes(`"msg":"${message}`));
const REPORTS = ['reloaded', 'reload ended early'] as const;

/** A primary kills a worker that is not ready after 30 s. A machine that busy is no fault of either release. */
const LATE = /not ready within \d+ ms/;
const RELOADS = 3;

/** Reloads as an operator does, who reads how a reload ended and begins it again if a new worker was only late. */
async function reload(host: Host): Promise<void> {
  for (let reloads = 1; ; reloads += 1) {
    const loggedBefore = host.output().stderr.length;
    process.kill(host.pid, 'SIGHUP');
    await eventually(
      () => {
        const reports = REPORTS.flatMap((message) => logLines(host, message));
        expect(reports, host.output().stderr).toHaveLength(reloads);
      },
      { timeout: 90_000, interval: 100 },
    );
    if (logLines(host, 'reloaded').length > 0) return;
    expect(host.output().stderr.slice(loggedBefore)).toMatch(LATE);
    expect(reloads).toBeLessThan(RELOADS);
  }
}

/** Counts the workers that have served the slot. Each moves the clients of the one before to itself, once. */
const successions = (host: Host, slot: number) =>
  logLines(host, 'worker ready').filter((line) => line.includes(`"slot":${slot},`)).length;

const came = (member: Member) => member.heard.filter(({ event }) => event === 'joined').length;
const seqs = (member: Member) => member.said.map(({ seq }) => seq);

// A reload shows the same over one Redis.
it('hosts of the previous release and of this one share rooms over several Redis servers, and reap each other', async () => {
  const servers = await Promise.all([openRedis(), openRedis(), openRedis()]);
  const env = { REDIS_URLS: servers.map(({ url }) => url).join(',') };
  const old = await startHost({ env, main: previous.main });
  const ann = await enter(old.workerUrls[0] as string, 'releases', 'Ann');
  await ann.do('say', { text: 'before' });
  const young = await startHost({ env });
  const bob = await enter(young.workerUrls[0] as string, 'releases', 'Bob');
  expect(bob.joined.messages.map((entry) => entry.seq)).toEqual([1]);
  await bob.do('say', { text: 'from this release' });
  await ann.do('say', { text: 'from the previous one' });
  for (const member of [ann, bob]) {
    await eventually(() => expect(seqs(member).filter((seq) => seq > 1)).toEqual([2, 3]));
  }
  const members = await bob.do('room:members');
  expect(members.members.map(({ username }) => username).sort()).toEqual(['Ann', 'Bob']);
  // Either may change what the other changed: both count all reactions and answers.
  await bob.do('edit', { seq: 2, text: 'edited' });
  for (const member of [bob, ann]) await member.do('react', { seq: 1, reaction: '👍' });
  for (const member of [bob, ann]) await member.do('say', { text: 'an answer', replyTo: 1 });
  await bob.do('react', { seq: 1, reaction: '🎉' });
  expect(await ann.do('say', { text: 'afterwards' })).toMatchObject({ seq: 10 });
  for (const host of [old, young]) {
    const carol = await enter(host.workerUrls[0] as string, 'releases', 'Carol');
    expect(carol.joined.messages).toMatchObject([
      {
        seq: 1,
        data: { text: 'before' },
        reactions: [
          { reaction: '👍', count: 2 },
          { reaction: '🎉', count: 1 },
        ],
        replies: 2,
        revision: 9,
      },
      { seq: 2, data: { text: 'edited' }, edited: { seq: 4 } },
      { seq: 3 },
      { seq: 4, event: 'edited', ref: 2 },
      { seq: 5, event: 'reacted', ref: 1 },
      { seq: 6, event: 'reacted', ref: 1 },
      { seq: 7, replyTo: 1 },
      { seq: 8, replyTo: 1 },
      { seq: 9, event: 'reacted', ref: 1 },
      { seq: 10 },
    ]);
    carol.close();
  }
  // They are on all servers, each of which lists its own for a worker.
  const rooms = Array.from({ length: 9 }, (_, n) => `room ${n}`);
  for (const roomid of rooms) for (const member of [ann, bob]) await member.do('join', { roomid });
  await old.kill9();
  await eventually(
    async () => {
      for (const roomid of ['releases', ...rooms]) {
        const present = await bob.do('room:members', { roomid });
        expect(present.members.map(({ username }) => username)).toEqual(['Bob']);
      }
    },
    { timeout: 60_000 },
  );
  for (const member of [ann, bob]) member.close();
  await young.stop();
  await Promise.all([old.remove(), young.remove()]);
  await Promise.all(servers.map((server) => server.close()));
});

const modes: [string, () => Promise<RedisProcess | undefined>][] = [
  ['embedded', async () => undefined],
  ['cluster', () => openRedis()],
];

describe.each(modes)('a reload under several clients in %s mode', (_mode, openStore) => {
  it.each([
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
  ])('%s', async (_title, before, after) => {
    await before();
    const redis = await openStore();
    const host = await startHost({ main: previous.main, ...(redis && { redisUrl: redis.url }) });
    const slots = [0, 1, 0];
    const members: Member[] = [];
    for (const [index, slot] of slots.entries())
      members.push(await enter(host.workerUrls[slot] as string, 'upgrade', `Member ${index}`, RECONNECTS));
    for (const member of members) await member.do('say', { text: 'to the old worker' });
    for (const member of members) await eventually(() => expect(seqs(member)).toEqual([1, 2, 3]));
    await members[0]?.do('react', { seq: 1, reaction: '👍' });
    await after();
    await reload(host);
    await eventually(() => expect(members.map(came)).toEqual(slots.map((slot) => successions(host, slot))));
    for (const [index, member] of members.entries())
      expect(await member.do('say', { text: 'to the new worker' })).toMatchObject({ seq: 5 + index });
    for (const member of members) await eventually(() => expect(seqs(member)).toEqual([1, 2, 3, 5, 6, 7]));
    // What the one release stored with a message, the other keeps.
    for (const seq of [1, 2]) {
      await members[1]?.do('react', { seq, reaction: '👍' });
      await members[2]?.do('say', { text: 'an answer', replyTo: seq });
    }
    const { messages } = (await members[0]?.do('room:history', { limit: 20 })) ?? { messages: [] };
    expect(messages.slice(0, 2)).toMatchObject([
      { seq: 1, reactions: [{ reaction: '👍', count: 2 }], replies: 1 },
      { seq: 2, reactions: [{ reaction: '👍', count: 1 }], replies: 1 },
    ]);
    for (const member of members) member.close();
    expect(await host.stop()).toBe(0);
    await host.remove();
    await redis?.close();
  });
});
