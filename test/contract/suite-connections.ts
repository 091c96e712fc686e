import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import { eventually } from '../support/eventually.ts';
import { granted, newRoom, range, twoPeers } from './peers.ts';
import { enter } from './roster-peers.ts';
import type { Harness, Peer } from './suite.ts';

export function connectionsContract(harness: () => Promise<Harness>): void {
  describe('connections', () => {
    async function living(): Promise<{ a: Peer; b: Peer }> {
      const { a, b } = await twoPeers(harness);
      for (const peer of [a, b]) granted(await peer.roster.heartbeat(0));
      return { a, b };
    }

    async function connections(peer: Peer, inboxes: readonly Room[]): Promise<readonly number[]> {
      return granted(await peer.roster.connections(inboxes));
    }

    it('of a user are summed over all workers, in the order asked', async () => {
      const { a, b } = await living();
      const [annInbox, bobInbox] = [inboxOf('/', 'ann'), inboxOf('/', '__proto__')];
      const nobody = inboxOf('/', `nobody ${randomUUID()}`);
      granted(await a.roster.setConnections(annInbox, 2));
      granted(await b.roster.setConnections(annInbox, 3));
      granted(await b.roster.setConnections(bobInbox, 1));
      for (const peer of [a, b]) {
        expect(await connections(peer, [annInbox, nobody, bobInbox, annInbox])).toEqual([5, 0, 1, 5]);
        expect(await connections(peer, [])).toEqual([]);
      }
    });

    it('are the last report of each worker: repeats count once, and 0 removes the user', async () => {
      const { a, b } = await living();
      const inbox = inboxOf('/', 'ann');
      for (const count of [1, 4, 4]) granted(await a.roster.setConnections(inbox, count));
      granted(await b.roster.setConnections(inbox, 1));
      expect(await connections(b, [inbox])).toEqual([5]);
      for (const _ of [1, 2]) granted(await a.roster.setConnections(inbox, 0));
      expect(await connections(b, [inbox])).toEqual([1]);
      granted(await b.roster.setConnections(inbox, 0));
      granted(await b.roster.setConnections(inboxOf('/', 'never seen'), 0));
      expect(await connections(a, [inbox, inboxOf('/', 'never seen')])).toEqual([0, 0]);
    });

    it('of more users than are read at once are all counted, and all reaped', async () => {
      const { a, b } = await living();
      const room = newRoom();
      const people = range(1, 2_100).map((n) => ({ userId: `u${n}`, username: `U${n}` }));
      await Promise.all(people.map(({ userId }) => a.roster.setConnections(inboxOf('/', userId), 1)));
      for (const user of people.slice(0, 5)) await enter(a, room, user);
      await eventually(
        async () => {
          granted(await a.roster.heartbeat(people.length));
          granted(await b.roster.heartbeat(0));
          expect(granted(await b.roster.totals())).toEqual({ users: 2_100, clients: 2_100 });
        },
        { interval: 50 },
      );
      expect(granted(await b.roster.reap(a.instanceId))).toHaveLength(5);
      const inboxes = people.map(({ userId }) => inboxOf('/', userId));
      expect(await connections(b, inboxes)).toEqual(people.map(() => 0));
      expect(granted(await b.roster.reap(a.instanceId))).toEqual([]);
    });

    it('and their users are of one moment: no user without a connection, no connection without a user', async () => {
      const { a, b } = await living();
      const inbox = inboxOf('/', 'ann');
      const total = async () => granted(await b.roster.totals());
      granted(await a.roster.setConnections(inbox, 2));
      await eventually(async () => expect((await total()).users).toBe(1), { interval: 50 });
      expect((await total()).clients).toBeGreaterThanOrEqual(1);
      granted(await a.roster.heartbeat(2));
      await eventually(async () => expect(await total()).toEqual({ users: 1, clients: 2 }), { interval: 50 });
      granted(await a.roster.setConnections(inbox, 0));
      await eventually(async () => expect((await total()).users).toBe(0), { interval: 50 });
      expect(await total()).toEqual({ users: 0, clients: 0 });
    });

    it('of a reaped worker do not count', async () => {
      const { a, b } = await living();
      const inbox = inboxOf('/', 'ann');
      granted(await a.roster.setConnections(inbox, 2));
      granted(await b.roster.setConnections(inbox, 3));
      granted(await b.roster.reap(a.instanceId));
      expect(await connections(b, [inbox])).toEqual([3]);
    });

    it('of the same user id in two namespaces are counted apart, and as one user in the total', async () => {
      const { a, b } = await living();
      const [here, there] = [inboxOf('/', 'ann'), inboxOf('/post', 'ann')];
      const told = async (clients: readonly (readonly [Peer, number])[], users: number) => {
        const all = { users, clients: clients.reduce((sum, [, count]) => sum + count, 0) };
        const look = async () => {
          for (const [peer, count] of clients) granted(await peer.roster.heartbeat(count));
          for (const [peer] of clients) expect(granted(await peer.roster.totals())).toEqual(all);
        };
        await eventually(look, { interval: 50 });
      };
      granted(await a.roster.setConnections(here, 2));
      granted(await b.roster.setConnections(here, 1));
      granted(await b.roster.setConnections(there, 3));
      granted(await b.roster.setConnections(inboxOf('/post', 'bob'), 1));
      expect(await connections(a, [here, there])).toEqual([3, 3]);
      await told(
        [
          [a, 2],
          [b, 5],
        ],
        2,
      );
      for (const inbox of [there, inboxOf('/post', 'bob')]) {
        granted(await b.roster.setConnections(inbox, 0));
      }
      await told(
        [
          [a, 2],
          [b, 1],
        ],
        1,
      );
      granted(await a.roster.setConnections(here, 0));
      granted(await b.roster.setConnections(there, 2));
      await told(
        [
          [a, 0],
          [b, 3],
        ],
        1,
      );
      granted(await a.roster.reap(b.instanceId));
      await told([[a, 0]], 0);
    });
  });
}
