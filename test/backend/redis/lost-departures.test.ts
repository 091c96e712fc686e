import { expect, it, onTestFinished } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { tagOf } from '../../../src/backend/redis/topology/hash-slots.ts';
import { createRendezvous } from '../../../src/backend/redis/topology/rendezvous.ts';
import { serverName } from '../../../src/backend/redis/topology/server-names.ts';
import type { Room } from '../../../src/chat/room.ts';
import type { PresenceChange, PresenceEvent } from '../../../src/chat/roster.ts';
import { granted, newRoom } from '../../contract/peers.ts';
import { endLease, openConnectedPeer, peerForTest, redisForTest } from '../../contract/redis-harness.ts';
import type { Peer } from '../../contract/suite.ts';
import { eventually } from '../../support/eventually.ts';
import type { RedisProcess } from '../../support/redis-server.ts';
import { demote, RESYNC } from './failover.ts';

/** Each host does it twice a second. */
async function reapExpired({ roster }: Peer): Promise<void> {
  for (const instanceId of granted(await roster.expired())) granted(await roster.reap(instanceId));
}

const person = (userId: string) => ({ userId, username: userId });

/** Returns what the members are told from now on. */
async function hearing(listener: Peer, room: Room, peers: readonly Peer[]): Promise<string[]> {
  const told: string[] = [];
  const onPresence = (what: PresenceChange | PresenceEvent) => {
    if ('event' in what) told.push(`${what.event} ${what.user.userId}`);
  };
  granted(await listener.bus.subscribe(room, () => undefined, onPresence));
  for (const { roster } of peers) {
    roster.onReturn((_, { userId }) => told.push(`join ${userId}`));
    granted(await roster.heartbeat(1));
  }
  return told;
}

async function membersOf({ roster }: Peer, room: Room): Promise<string[]> {
  const { members } = granted(await roster.members(room, { limit: 10 }));
  return members.map(({ userId }) => userId);
}

/** A worker does it every second, and so finds that a server may have lost its data. It reports all of its own then. */
async function report(peer: Peer): Promise<void> {
  granted(await peer.roster.setClients(newRoom(), 0));
  granted(await peer.bus.probe());
  granted(await peer.check());
  granted(await peer.roster.heartbeat(1));
}

async function onTheOnlyServer(): Promise<void> {
  const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
  const open = () => peerForTest(master.url);
  const [dead, dying, one, other] = [await open(), await open(), await open(), await open()];
  const vanishing = await openConnectedPeer({ redisUrl: master.url });
  const room = newRoom();
  const told = await hearing(other, room, [dead, dying, one, other, vanishing]);
  granted(await dead.roster.enter(room, person('died'), 1, 1));
  granted(await dying.roster.enter(room, person('died too'), 1, 1));
  granted(await one.roster.enter(room, person('left'), 1, 1));
  granted(await one.roster.enter(room, person('leaves'), 1, 2));
  granted(await other.roster.enter(room, person('moves'), 1, 1));
  granted(await other.roster.enter(room, person('stays'), 1, 2));

  for (const { instanceId } of [dead, dying]) await endLease(master, instanceId);
  const both = [dead, dying].map(({ instanceId }) => instanceId).sort();
  expect(granted(await other.roster.expired()).toSorted()).toEqual(both);

  await demote(master, replica, async () => {
    // The one that reaps it is gone, too, when the store loses that.
    granted(await vanishing.roster.reap(dying.instanceId));
    await vanishing.close();
    await reapExpired(one);
    granted(await other.roster.expired());
    granted(await one.roster.exit(room, 'left', 1));
    granted(await one.roster.enter(room, person('moves'), 1, 2));
    granted(await other.roster.exit(room, 'moves', 1));
    await eventually(() =>
      expect(told).toEqual(['broadcast_quit died too', 'broadcast_quit died', 'broadcast_quit left']),
    );
  });
  expect(await one.roster.exit(room, 'leaves', 1)).toMatchObject({ ok: false });
  await master.ask('REPLICAOF NO ONE');
  // Sentinel sends this too.
  await master.ask('CLIENT KILL TYPE normal');

  // The other host finds the lease over before anybody has noticed the loss.
  await eventually(() => reapExpired(other));
  // The other worker is done with reporting again first. Both know by then that the server was not emptied.
  for (const peer of [other, one]) await eventually(() => report(peer));
  await eventually(async () => granted(await one.roster.exit(room, 'leaves', 1)));
  await eventually(async () => expect(await membersOf(other, room)).toEqual(['moves', 'stays']));
  // All that was held back is told with what comes after.
  granted(await other.roster.enter(room, person('comes'), 1, 2));
  const quits = ['died', 'died too', 'leaves', 'left'].map((userId) => `broadcast_quit ${userId}`);
  await eventually(async () => {
    granted(await other.roster.setClients(room, 2));
    await reapExpired(other);
    expect(told.toSorted()).toEqual([...quits, 'join comes']);
  });
}

/** It has a room, and another server the leases. An instance whose lease is forgotten there must not be left in the room. */
async function onOneOfSeveral(): Promise<void> {
  const servers = [await redisForTest(RESYNC), await redisForTest(RESYNC)] as const;
  const replica = await redisForTest(RESYNC);
  const redisUrls = servers.map(({ url }) => url);
  const indexOf = createRendezvous(redisUrls.map((url) => serverName(parseRedisAddress(url))));
  const serverOf = (key: string) => servers[indexOf(tagOf(key))] as RedisProcess;
  const keys = redisKeys('rc');
  const withLeases = serverOf(keys.instances);
  const losing = servers[0] === withLeases ? servers[1] : servers[0];
  let room = newRoom();
  while (serverOf(keys.channel(room)) !== losing) room = newRoom();
  async function open(): Promise<Peer> {
    const peer = await openConnectedPeer({ redisUrls });
    onTestFinished(() => peer.close());
    return peer;
  }
  const [dead, forgotten, one, other] = [await open(), await open(), await open(), await open()];
  const vanishing = await openConnectedPeer({ redisUrls });
  const told = await hearing(other, room, [dead, forgotten, one, other, vanishing]);
  granted(await dead.roster.enter(room, person('died'), 1, 1));
  granted(await forgotten.roster.enter(room, person('forgotten'), 1, 1));
  granted(await one.roster.enter(room, person('left'), 1, 1));
  granted(await other.roster.enter(room, person('stays'), 1, 1));
  const reap = async (peer: Peer, { instanceId }: Peer) => {
    await endLease(withLeases, instanceId);
    granted(await other.roster.expired());
    granted(await peer.roster.reap(instanceId));
    granted(await other.roster.expired());
  };

  const restored = () =>
    eventually(async () => {
      for (const peer of [other, one]) await report(peer);
      expect(await membersOf(other, room)).toEqual(['entered', 'stays']);
    });

  await demote(losing, replica, async () => {
    await reap(one, dead);
    for (let times = 0; times < 2; times += 1) await reap(vanishing, forgotten);
    expect(await withLeases.ask(`HEXISTS ${keys.instances} ${forgotten.instanceId}`)).toBe(':0\r\n');
    await vanishing.close();
    granted(await one.roster.exit(room, 'left', 0));
    granted(await one.roster.enter(room, person('entered'), 1, 1));
    await eventually(() => expect(told).toHaveLength(3));
  });
  await losing.ask('REPLICAOF NO ONE');
  await losing.ask('CLIENT KILL TYPE normal');
  await restored();
  const index = keys.occupiedRooms(forgotten.instanceId);
  await eventually(async () => expect(await losing.ask(`EXISTS ${index}`)).toBe(':0\r\n'));

  // Then it comes back empty.
  await losing.ask('FLUSHALL');
  await restored();
  granted(await other.roster.enter(room, person('comes'), 1, 2));
  const quits = ['died', 'forgotten', 'left'].map((userId) => `broadcast_quit ${userId}`);
  await eventually(async () => {
    granted(await other.roster.setClients(room, 2));
    await reapExpired(other);
    expect(told.toSorted()).toEqual([...quits, 'join comes']);
  });
}

// Both at once, because either waits for the five seconds in which changes are held back.
it('the members are told once who left, although a failover of the only server, or of one of several, lost that', async () => {
  await Promise.all([onTheOnlyServer(), onOneOfSeveral()]);
});
