import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { connect, enter, type Member } from '../support/member.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';

const OLD = 'old-secret-of-the-bus-32-bytes-lo';
const NEW = 'new-secret-of-the-bus-32-bytes-lo';
const KEY = 'api-key-of-both-hosts-0123456789abcdef';

describe('two hosts in the middle of a rotation of BUS_SECRET', () => {
  let redis: RedisProcess;
  let hosts: [Host, Host];
  const members: Member[] = [];

  const start = (secrets: readonly string[], basePort?: number) =>
    startHost({
      workers: 1,
      redisUrl: redis.url,
      env: { BUS_SECRET: secrets.join(','), API_KEYS: KEY },
      ...(basePort !== undefined && { basePort }),
    });
  beforeAll(async () => {
    redis = await openRedis();
    hosts = await Promise.all([start([OLD, NEW]), start([NEW, OLD])]);
  });
  afterAll(async () => {
    for (const member of members) member.close();
    await Promise.all((hosts ?? []).map((host) => host.stop().then(() => host.remove())));
    await redis?.close();
  });

  async function device(host: Host, userId: string, roomid: string): Promise<Member> {
    const member = await enter(host.url, roomid, userId, { auth: { userId } });
    members.push(member);
    return member;
  }

  async function droppedAt({ adminUrl }: Host): Promise<number> {
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    const counts = [...text.matchAll(/^roomcast_bus_frames_dropped_total(?:\{.*\})? (\d+)/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** Has both say and write to each other, and one kicked by way of the other's host. */
  async function chat(round: string): Promise<void> {
    const users = [`ann ${round}`, `bob ${round}`] as const;
    const [ann, bob] = [await device(hosts[0], users[0], round), await device(hosts[1], users[1], round)];
    for (const [n, member] of [ann, bob, ann, bob].entries()) await member.do('say', { text: `${n}` });
    for (const { said } of [ann, bob]) {
      await eventually(() => expect(said.map(({ data }) => data.text)).toEqual(['0', '1', '2', '3']));
    }
    expect((await ann.do('private', { to: users[1], text: 'to you' })).live).toBe(1);
    await eventually(() =>
      expect(bob.heard.filter(({ event }) => event === 'private').map(({ data }) => data)).toEqual([
        expect.objectContaining({ text: 'to you' }),
      ]),
    );
    const kicked = await fetch(`${hosts[0].url}/api/v1/rooms/${encodeURIComponent(round)}/kick`, {
      method: 'POST',
      headers: { 'X-API-Key': KEY, 'Content-Type': 'application/json' },
      body: JSON.stringify({ userId: users[1] }),
    });
    expect(kicked.status).toBe(200);
    expect((await bob.ask('say', { text: 'still here?' })).ok).toBe(false);
  }

  it('chat, write to each other and moderate, and so they do once one has left the old secret', async () => {
    const witness = await device(hosts[1], 'witness', 'all the time');
    const say = async (host: Host, text: string) => {
      const member = await connect(host.url);
      await member.do('join', { roomid: 'all the time' });
      await member.do('say', { roomid: 'all the time', text });
      member.close();
    };
    await say(hosts[0], 'first');
    await chat('before');
    const { basePort } = hosts[0];
    await hosts[0].stop();
    await say(hosts[1], 'meanwhile');
    hosts[0] = await start([NEW], basePort);
    await say(hosts[0], 'last');
    await chat('after');
    await eventually(() =>
      expect(witness.said.map(({ data }) => data.text)).toEqual(['first', 'meanwhile', 'last']),
    );
    expect(await Promise.all(hosts.map(droppedAt))).toEqual([0, 0]);
  });
});
