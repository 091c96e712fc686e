import { expect } from 'vitest';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import type { PresenceChange, RosterEntry } from '../../src/chat/roster.ts';
import type { Outcome } from '../../src/protocol/codes.ts';
import { draftOf, granted } from '../contract/peers.ts';
import type { Peer } from '../contract/suite.ts';
import { eventually } from '../support/eventually.ts';
import { toldList } from './presence-ledger.ts';
import type { PresenceWorld, Worker } from './presence-world.ts';

/** The list of living instances is read once a second. */
const KNOWN = { interval: 20 };
/** In every room all the time, on a worker that stays: what it is told is what a member is told. */
export const WATCHER = { userId: 'watcher', username: 'Watcher' };

export function requireStore(outcome: Outcome<unknown>): void {
  if (!outcome.ok && outcome.error.code === 'unavailable') granted(outcome);
}

/** Compares what the stores and the rooms say with what happened. */
export function createPresenceChecks({
  rooms,
  users,
  members,
  banned,
  muted,
  ledger,
  pair,
  state,
}: PresenceWorld) {
  async function neverNegative(): Promise<void> {
    for (const room of rooms) {
      const counted = granted(await (state.workers[0] as Worker).peer.roster.count(room));
      expect(Math.min(counted.users, counted.clients)).toBeGreaterThanOrEqual(0);
    }
  }

  /** Nobody is told of users whom a dead worker brings after its reap. */
  async function neverBack(room: Room, { userId }: RosterEntry): Promise<void> {
    const { roster } = (state.workers[0] as Worker).peer;
    await eventually(async () => {
      expect(granted(await roster.connections([inboxOf('/', userId)]))).toEqual([0]);
      const { members: listed } = granted(await roster.members(room, { limit: 100 }));
      expect(listed.map((one) => one.userId)).not.toContain(userId);
    }, KNOWN);
  }

  /** The registry's whole answer, in the shape of `truth`. */
  async function registry(peer: Peer) {
    const found = await Promise.all(
      rooms.map(async (room) => {
        const [count, listed] = await Promise.all([
          peer.roster.count(room),
          peer.roster.members(room, { limit: 100 }),
        ]);
        const { users: present, clients } = granted(count);
        const list = granted(listed).members.map((one) => `${one.userId} ${one.clients} ${one.state}`);
        return { users: present, clients, members: list.sort() };
      }),
    );
    const connections = granted(
      await peer.roster.connections(users.map(({ userId }) => inboxOf('/', userId))),
    );
    return { rooms: found, connections };
  }

  function truth() {
    const found = rooms.map((room) => {
      const here = members.filter((member) => member.room === room);
      const present = users.filter((user) => here.some((member) => member.user === user));
      const list = present.map((user) => {
        const clients = here.filter((member) => member.user === user).length;
        return `${user.userId} ${clients} online`;
      });
      list.push(`${WATCHER.userId} 1 online`);
      return { users: present.length + 1, clients: here.length + 1, members: list.sort() };
    });
    const connections = users.map((user) => members.filter((member) => member.user === user).length);
    return { rooms: found, connections };
  }

  /** The store lets people say what their restrictions allow. */
  async function restrictionsHold(): Promise<void> {
    const { moderation, logs } = (state.workers[0] as Worker).peer;
    for (const room of rooms) {
      for (const user of users) {
        const [isBanned, isMuted] = [banned.has(pair(room, user)), muted.has(pair(room, user))];
        expect(granted(await moderation.restrictions(room, user.userId))).toEqual({
          ...(isBanned ? { ban: {} } : {}),
          ...(isMuted ? { mute: {} } : {}),
        });
        const said = await logs.append(room, { ...draftOf(room, 'x'), author: user.userId });
        requireStore(said);
        expect(said.ok ? 'said' : said.error.code).toBe(isBanned || isMuted ? 'forbidden' : 'said');
      }
    }
  }

  /** Each user came and went as the ledger has it, and the changes that a member heard add up to who is there. */
  function toldTruth(heard: ReadonlyMap<Room, readonly PresenceChange[]>): void {
    for (const room of rooms) {
      for (const user of users) {
        const present = members.some((member) => member.room === room && member.user === user);
        ledger.expectTrue(room, user, present);
      }
      const there = members.filter((member) => member.room === room).map(({ user }) => user.userId);
      expect(toldList(heard.get(room) ?? [])).toEqual([...new Set([...there, WATCHER.userId])].sort());
    }
  }

  return { neverNegative, neverBack, registry, truth, restrictionsHold, toldTruth };
}
