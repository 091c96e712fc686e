import { describe, expect, it } from 'vitest';
import { granted, newRoom, twoPeers } from './peers.ts';
import type { Harness } from './suite.ts';

const ann = { userId: 'ann', username: 'Ann', avatar: '1.jpg' };
const bob = { userId: 'bob', username: 'Bob' };
const carol = { userId: 'carol', username: 'Carol' };

export function rosterContract(harness: () => Promise<Harness>): void {
  describe('roster', () => {
    it('counts users once and connections all, over all workers', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const enter = async (peer: typeof a, user: typeof ann | typeof bob, clients: number) =>
        granted(await peer.roster.enter(room, user, clients));
      expect(await enter(a, ann, 1)).toEqual({ users: 1, clients: 1, changed: true });
      expect(await enter(b, ann, 1)).toEqual({ users: 1, clients: 2, changed: false });
      expect(await enter(b, bob, 2)).toEqual({ users: 2, clients: 3, changed: true });
      expect(granted(await a.roster.recount(room, 4))).toEqual({ users: 2, clients: 6 });
      expect(granted(await a.roster.exit(room, 'ann', 0))).toEqual({ users: 2, clients: 2, changed: false });
      expect(granted(await b.roster.exit(room, 'ann', 1))).toEqual({ users: 1, clients: 1, changed: true });
      expect(granted(await b.roster.exit(room, 'bob', 0))).toEqual({ users: 0, clients: 0, changed: true });
    });

    it('may be told the same thing again', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await b.roster.enter(room, bob, 1));
      granted(await a.roster.enter(room, ann, 1));
      expect(granted(await a.roster.enter(room, ann, 1))).toEqual({ users: 2, clients: 2, changed: false });
      expect(granted(await a.roster.recount(room, 1))).toEqual({ users: 2, clients: 2 });
      expect(granted(await a.roster.exit(room, 'ann', 0))).toEqual({ users: 1, clients: 1, changed: true });
      expect(granted(await a.roster.exit(room, 'ann', 0))).toEqual({ users: 1, clients: 1, changed: false });
      expect(granted(await a.roster.exit(room, 'nobody', 0))).toEqual({
        users: 1,
        clients: 1,
        changed: false,
      });
    });

    it('says of two workers who bring or lose the same user at once that exactly one changed something', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const came = await Promise.all([a.roster.enter(room, ann, 1), b.roster.enter(room, ann, 1)]);
      expect(came.map((outcome) => granted(outcome).changed).sort()).toEqual([false, true]);
      const went = await Promise.all([a.roster.exit(room, 'ann', 0), b.roster.exit(room, 'ann', 0)]);
      expect(went.map((outcome) => granted(outcome).changed).sort()).toEqual([false, true]);
    });

    it('keeps rooms apart, also the same room id in another namespace', async () => {
      const { a } = await twoPeers(harness);
      const room = newRoom('/');
      const namesake = { ...newRoom('/post'), roomid: room.roomid };
      granted(await a.roster.enter(room, ann, 3));
      expect(granted(await a.roster.enter(namesake, ann, 1))).toEqual({
        users: 1,
        clients: 1,
        changed: true,
      });
      expect(granted(await a.roster.exit(namesake, 'ann', 0))).toMatchObject({ users: 0, changed: true });
      expect(granted(await a.roster.recount(room, 3))).toEqual({ users: 1, clients: 3 });
    });

    it('takes a dead worker out: everyone who was nowhere else is gone, and said to be once', async () => {
      const { a, b } = await twoPeers(harness);
      const [room, second] = [newRoom('/'), newRoom('/post')];
      for (const user of [ann, bob, carol]) granted(await a.roster.enter(room, user, 3));
      granted(await a.roster.enter(second, carol, 1));
      granted(await b.roster.enter(room, ann, 1));
      granted(await a.roster.exit(room, 'bob', 2));

      const sweeps = await Promise.all([b.roster.sweep(a.boot), b.roster.sweep(a.boot)]);
      const departures = [...sweeps, await b.roster.sweep(a.boot)].flatMap(granted);
      expect(departures).toHaveLength(2);
      expect(departures).toEqual(
        expect.arrayContaining([
          { nsp: '/', roomid: room.roomid, user: carol },
          { nsp: '/post', roomid: second.roomid, user: carol },
        ]),
      );
      expect(granted(await b.roster.recount(room, 1))).toEqual({ users: 1, clients: 1 });
      expect(granted(await b.roster.recount(second, 0))).toEqual({ users: 0, clients: 0 });
      expect(granted(await b.roster.exit(room, 'ann', 0))).toEqual({ users: 0, clients: 0, changed: true });
    });

    it('names a departed user as last told, avatar included', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      granted(await a.roster.enter(room, ann, 1));
      const renamed = { ...ann, username: 'Anna "the" 安娜', avatar: 'https://x.example/a.png' };
      granted(await a.roster.enter(room, renamed, 1));
      expect(granted(await b.roster.sweep(a.boot))).toEqual([
        { nsp: '/', roomid: room.roomid, user: renamed },
      ]);
    });

    it('finds nothing to sweep of a worker it never heard of', async () => {
      const { a } = await twoPeers(harness);
      expect(granted(await a.roster.sweep('never-booted'))).toEqual([]);
    });

    it('takes word of who is online, again and again, and of a user it does not know', async () => {
      const { a } = await twoPeers(harness);
      for (const online of [true, true, false, false]) {
        expect((await a.roster.setOnline('ann', online)).ok).toBe(true);
      }
    });

    it('does not count a worker as expired that just proved itself', async () => {
      const { a, b } = await twoPeers(harness);
      granted(await a.roster.renew(3));
      granted(await b.roster.renew(0));
      const expired = granted(await b.roster.expired());
      expect(expired).not.toContain(a.boot);
      expect(expired).not.toContain(b.boot);
    });
  });

  describe('store', () => {
    it('keeps one secret for all workers, also over a restart', async () => {
      const { store, a, b } = await twoPeers(harness);
      const secrets = (await Promise.all([a.secret(), b.secret(), a.secret()])).map(granted);
      expect(new Set(secrets).size).toBe(1);
      expect(secrets[0]?.length).toBeGreaterThanOrEqual(32);
      await store.restart();
      expect(granted(await (await store.open()).secret())).toBe(secrets[0]);
    });

    it('makes another secret in another store', async () => {
      const [one, two] = [await twoPeers(harness), await twoPeers(harness)];
      expect(granted(await one.a.secret())).not.toBe(granted(await two.a.secret()));
    });

    it('says that it answers', async () => {
      const { a, b } = await twoPeers(harness);
      expect([(await a.check()).ok, (await b.check()).ok]).toEqual([true, true]);
    });
  });
}
