import { expect, it } from 'vitest';
import type { PresenceChange, PresenceEvent } from '../../../src/chat/roster.ts';
import { granted, newRoom } from '../../contract/peers.ts';
import { endLease, peerForTest, redisForTest } from '../../contract/redis-harness.ts';
import type { Peer } from '../../contract/suite.ts';
import { eventually } from '../../support/eventually.ts';
import { demote, RESYNC } from './failover.ts';

/** Each host does it twice a second. */
async function reapExpired({ roster }: Peer): Promise<void> {
  for (const instanceId of granted(await roster.expired())) granted(await roster.reap(instanceId));
}

const person = (userId: string) => ({ userId, username: userId });

it('the members are told once who left, although a failover lost that', async () => {
  const [master, replica] = [await redisForTest(RESYNC), await redisForTest(RESYNC)];
  const [dead, one, other] = [
    await peerForTest(master.url),
    await peerForTest(master.url),
    await peerForTest(master.url),
  ];
  const room = newRoom();
  const told: string[] = [];
  const onPresence = (what: PresenceChange | PresenceEvent) => {
    if ('event' in what) told.push(`${what.event} ${what.user.userId}`);
  };
  granted(await other.bus.subscribe(room, () => undefined, onPresence));
  for (const { roster } of [dead, one, other]) {
    roster.onReturn((_, { userId }) => told.push(`join ${userId}`));
    granted(await roster.heartbeat(1));
  }
  granted(await dead.roster.enter(room, person('died'), 1, 1));
  granted(await one.roster.enter(room, person('left'), 1, 1));
  granted(await one.roster.enter(room, person('leaves'), 1, 2));
  granted(await other.roster.enter(room, person('moves'), 1, 1));
  granted(await other.roster.enter(room, person('stays'), 1, 2));

  await endLease(master, dead.instanceId);
  expect(granted(await other.roster.expired())).toEqual([dead.instanceId]);

  await demote(master, replica, async () => {
    await reapExpired(one);
    granted(await one.roster.exit(room, 'left', 1));
    granted(await one.roster.enter(room, person('moves'), 1, 2));
    granted(await other.roster.exit(room, 'moves', 1));
    await eventually(() => expect(told).toEqual(['broadcast_quit died', 'broadcast_quit left']));
  });
  expect(await one.roster.exit(room, 'leaves', 1)).toMatchObject({ ok: false });
  await master.ask('REPLICAOF NO ONE');
  // Sentinel sends this too.
  await master.ask('CLIENT KILL TYPE normal');

  // The other host finds the lease over before anybody has noticed the loss.
  await eventually(() => reapExpired(other));
  // The other worker is done with reporting again first. Both know by then that the server was not emptied.
  for (const peer of [other, one])
    await eventually(async () => {
      granted(await peer.roster.setClients(newRoom(), 0));
      granted(await peer.check());
      granted(await peer.roster.heartbeat(1));
    });
  await eventually(async () => granted(await one.roster.exit(room, 'leaves', 1)));
  await eventually(async () => {
    const { members } = granted(await other.roster.members(room, { limit: 10 }));
    expect(members.map(({ userId }) => userId)).toEqual(['moves', 'stays']);
  });
  // All that was held back is told with what comes after.
  granted(await other.roster.enter(room, person('comes'), 1, 2));
  const all = ['broadcast_quit died', 'broadcast_quit leaves', 'broadcast_quit left', 'join comes'];
  await eventually(async () => {
    granted(await other.roster.setClients(room, 2));
    await reapExpired(other);
    expect(told.toSorted()).toEqual(all);
  });
});
