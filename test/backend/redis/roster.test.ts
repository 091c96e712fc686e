import { describe, expect, it, onTestFinished } from 'vitest';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { type PresenceChange, type PresenceEvent, ROSTER_LEASE_MS } from '../../../src/chat/roster.ts';
import { draftOf, granted, newRoom, range } from '../../contract/peers.ts';
import {
  dataKeysIn,
  endLease,
  peerForTest,
  redisForTest,
  redisOptions,
  silent,
} from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

const ann = { userId: 'ann', username: 'Ann', avatar: '1.jpg' };
const bob = { userId: 'bob', username: 'Bob' };
const cid = { userId: 'cid', username: 'Cid' };
const [annInbox, bobInbox] = [inboxOf('/', 'ann'), inboxOf('/', 'bob')];

/** All keys but those that list workers. */
async function roomKeysIn(redis: Parameters<typeof dataKeysIn>[0]): Promise<string[]> {
  return (await dataKeysIn(redis)).filter((key) => !key.includes(':boots'));
}

describe('the roster in Redis', () => {
  it('counts hosts, workers, connections, users and rooms of the whole cluster, without the dead', async () => {
    const redis = await redisForTest();
    const a = await peerForTest(redis.url, { host: 'one' });
    const b = await peerForTest(redis.url, { host: 'two' });
    const c = await peerForTest(redis.url, { host: 'two' });
    const primary = await openRedisPrimary({ options: redisOptions(redis.url), host: 'one', log: silent });
    const overview = async () => granted(await primary.overview());
    expect(await overview()).toEqual({ hosts: 0, workers: 0, clients: 0, users: 0, rooms: 0 });
    const [shared, own] = [newRoom(), newRoom()];
    for (const [peer, clients] of [
      [a, 3],
      [b, 4],
      [c, 5],
    ] as const) {
      granted(await peer.roster.heartbeat(clients));
      granted(await peer.roster.setConnections(annInbox, 1));
      granted(await peer.roster.setConnections(inboxOf('/post', 'ann'), 2));
      granted(await peer.roster.enter(shared, ann, 1, 1));
      granted(await peer.roster.enter(roomOf('/', 'heard only', 'lounge'), ann, 1, 1));
    }
    granted(await b.roster.setConnections(bobInbox, 1));
    granted(await b.roster.enter(own, bob, 1, 1));
    expect(await overview()).toEqual({ hosts: 2, workers: 3, clients: 12, users: 2, rooms: 2 });

    granted(await b.roster.exit(own, 'bob', 0));
    granted(await b.roster.setConnections(bobInbox, 0));
    await endLease(redis, a.instanceId);
    await eventually(async () =>
      expect(await overview()).toEqual({ hosts: 1, workers: 2, clients: 9, users: 1, rooms: 1 }),
    );
    expect(granted(await b.roster.expired())).toEqual([a.instanceId]);
    await primary.close();
  });

  it('writes for earlier releases when a worker’s lease ends, by the clock of Redis', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    granted(await peer.roster.heartbeat(2));
    const record = await redis.ask(`HGET rc:boots ${peer.instanceId}`);
    const leaseEndMs = Number(record.split('\r\n')[1]?.split(' ')[0]);
    expect(Math.abs(leaseEndMs - Date.now() - ROSTER_LEASE_MS)).toBeLessThan(5_000);
  });

  it('forgets a reaped worker to the last key', async () => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    granted(await a.roster.heartbeat(1));
    granted(await a.roster.setConnections(annInbox, 3));
    const rooms = range(1, 250).map(() => newRoom());
    for (const outcome of await Promise.all(rooms.map((room) => a.roster.enter(room, ann, 1, 1))))
      granted(outcome);
    expect(granted(await b.roster.reap(a.instanceId))).toHaveLength(250);
    expect(await roomKeysIn(redis)).toEqual([]);
    expect(granted(await b.roster.expired())).toEqual([]);
    // A lease later nothing of it can still be on its way.
    await endLease(redis, a.instanceId);
    expect(granted(await b.roster.expired())).toEqual([a.instanceId]);
    expect(granted(await b.roster.reap(a.instanceId))).toEqual([]);
    expect(await dataKeysIn(redis)).toEqual([]);
  });

  it('leaves no key of a room that everybody left', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    granted(await peer.roster.enter(room, ann, 1, 1));
    granted(await peer.roster.enter(room, bob, 1, 2));
    granted(await peer.roster.enter(room, { ...ann, username: 'Anna' }, 1, 2));
    granted(await peer.roster.setConnections(annInbox, 2));
    granted(await peer.roster.setConnections(annInbox, 0));
    granted(await peer.roster.exit(room, 'ann', 1));
    granted(await peer.roster.setClients(room, 0));
    granted(await peer.roster.exit(room, 'bob', 0));
    await eventually(async () => expect(await roomKeysIn(redis)).toEqual([]));
  });

  it('keeps a room listed under the worker if a user enters as the last one leaves', async () => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    for (const _ of range(1, 30)) {
      const room = newRoom();
      granted(await a.roster.enter(room, ann, 1, 1));
      const [left, entered] = await Promise.all([
        a.roster.exit(room, 'ann', 0),
        a.roster.enter(room, bob, 1, 1),
      ]);
      expect([granted(left).changed, granted(entered).changed]).toEqual([true, true]);
    }
    expect(granted(await b.roster.reap(a.instanceId))).toHaveLength(30);
  });

  it('reaps late writes of a reaped worker again, which count nowhere until then', async () => {
    const redis = await redisForTest();
    let frozenMs = 0;
    const a = await peerForTest(redis.url, { elapsedMs: () => performance.now() + frozenMs });
    const b = await peerForTest(redis.url);
    const primary = await openRedisPrimary({ options: redisOptions(redis.url), host: 'test', log: silent });
    onTestFinished(() => primary.close());
    const room = newRoom();
    granted(await a.roster.heartbeat(1));
    granted(await a.roster.enter(room, ann, 1, 1));
    granted(await b.roster.reap(a.instanceId));
    frozenMs = ROSTER_LEASE_MS;
    granted(await a.roster.exit(room, 'ann', 7));
    expect(granted(await b.roster.count(room))).toMatchObject({ users: 0, clients: 0 });
    granted(await a.roster.enter(room, bob, 1, 1));
    granted(await a.roster.setConnections(bobInbox, 1));
    expect(granted(await b.roster.members(room, { limit: 9 })).members).toEqual([]);
    expect(granted(await b.roster.count(room)).clients).toBe(0);
    expect(granted(await b.roster.connections([bobInbox]))).toEqual([0]);
    expect(granted(await primary.overview())).toMatchObject({ workers: 0, clients: 0, users: 0, rooms: 0 });
    // It sends no more heartbeats, so its lease runs out.
    await endLease(redis, a.instanceId);
    expect(granted(await b.roster.expired())).toEqual([a.instanceId]);
    expect(granted(await b.roster.reap(a.instanceId))).toMatchObject([{ room, user: bob }]);
    expect(await redis.ask(`EXISTS rc:{${bobInbox.tag}}:c rc:boot:${a.instanceId}:places`)).toBe(':0\r\n');
    expect(granted(await b.roster.expired())).toEqual([]);
  });

  it('announces a user who is back after an exit whose reply was lost', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const room = newRoom();
    granted(await peer.check());
    granted(await peer.roster.heartbeat(2));
    granted(await peer.roster.enter(room, bob, 1, 1));
    granted(await peer.roster.enter(room, ann, 1, 2));
    redis.freeze();
    expect(await peer.roster.exit(room, 'ann', 1)).toMatchObject({ ok: false });
    redis.thaw();
    await eventually(async () => expect(granted(await peer.roster.count(room))).toMatchObject({ users: 1 }));
    const entered = await eventually(async () => granted(await peer.roster.enter(room, ann, 1, 2)));
    expect(entered).toMatchObject({ users: 2, changed: true });
  });

  it.each(['it was reaped', 'Redis lost everything'])('enters its users again when %s', async (fault) => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    const [room, left, said] = [newRoom(), newRoom(), newRoom()];
    for (const peer of [a, b]) granted(await peer.check());
    granted(await a.roster.heartbeat(3));
    granted(await a.roster.setConnections(annInbox, 2));
    granted(await a.roster.setConnections(bobInbox, 1));
    granted(await a.roster.setConnections(bobInbox, 0));
    granted(await a.roster.enter(room, ann, 1, 1));
    granted(await a.roster.enter(room, bob, 1, 3));
    granted(await a.roster.enter(left, bob, 1, 1));
    granted(await a.roster.exit(left, 'bob', 0));
    if (fault === 'it was reaped') granted(await b.roster.reap(a.instanceId));
    else await redis.ask('FLUSHALL');
    expect(granted(await b.roster.count(room))).toMatchObject({ users: 0, clients: 0 });
    // Its reports before its next heartbeat must not hide that the rest is gone.
    granted(await a.roster.enter(said, ann, 1, 1));
    granted(await a.roster.heartbeat(3));
    // Who lives may be known from a second ago.
    await eventually(async () =>
      expect(granted(await b.roster.count(room))).toMatchObject({ users: 2, clients: 3 }),
    );
    expect(granted(await b.roster.findByUsername(room, 'Ann', 9))).toEqual(['ann']);
    expect(granted(await b.roster.count(left))).toMatchObject({ users: 0, clients: 0 });
    expect(granted(await b.roster.connections([annInbox, bobInbox]))).toEqual([2, 0]);
    const gone: string[] = [];
    for (const where of [room, said]) {
      const onPresence = (told: PresenceChange | PresenceEvent) =>
        'event' in told && gone.push(`${told.event} ${told.user.userId} ${where === room}`);
      granted(await b.bus.subscribe(where, () => undefined, onPresence));
    }
    const reaped = granted(await b.roster.reap(a.instanceId));
    if (fault === 'it was reaped') expect(reaped).toHaveLength(3);
    const quits = ['broadcast_quit ann false', 'broadcast_quit ann true', 'broadcast_quit bob true'];
    await eventually(() => expect(gone.sort()).toEqual(quits));
  });

  it('does not count a fenced worker, whatever it still reports, until its next heartbeat, and then all it holds', async () => {
    const redis = await redisForTest();
    const [a, b] = [
      await peerForTest(redis.url, { host: 'one' }),
      await peerForTest(redis.url, { host: 'two' }),
    ];
    const primary = await openRedisPrimary({ options: redisOptions(redis.url), host: 'two', log: silent });
    const [room, late] = [newRoom(), newRoom()];
    for (const peer of [a, b]) granted(await peer.roster.heartbeat(3));
    granted(await a.roster.setConnections(annInbox, 2));
    granted(await a.roster.enter(room, ann, 2, 2));
    granted(await b.roster.enter(room, bob, 1, 1));
    granted(await b.roster.fence(a.instanceId));
    const overview = async () => granted(await primary.overview());
    expect(await overview()).toEqual({ hosts: 1, workers: 1, clients: 0, users: 0, rooms: 1 });
    granted(await a.roster.enter(late, bob, 1, 1));
    granted(await a.roster.setConnections(bobInbox, 1));
    expect(granted(await b.roster.connections([annInbox, bobInbox]))).toEqual([0, 0]);
    expect(granted(await b.roster.rooms('/', { limit: 5 })).rooms).toEqual([
      { roomid: room.roomid, users: 2, clients: 1 },
    ]);
    // Its primary is to reap it; the others only when its lease has run out.
    expect(granted(await b.roster.expired())).toEqual([]);
    // A reap that was cut off: the worker is still listed.
    const taken = ['w', 'u', 'n', `b:${a.instanceId}`].map((end) => `rc:{${late.tag}}:${end}`);
    await redis.ask(`DEL ${taken.join(' ')}`);
    granted(await a.roster.heartbeat(3));
    await eventually(async () => {
      expect(granted(await b.roster.count(late))).toMatchObject({ users: 1, clients: 1 });
      expect(granted(await b.roster.connections([annInbox, bobInbox]))).toEqual([2, 1]);
      expect(granted(await b.roster.members(room, { limit: 1 })).members).toMatchObject([
        { userId: 'ann', clients: 2, state: 'online' },
      ]);
    });
    expect(await overview()).toMatchObject({ hosts: 2, workers: 2, rooms: 2 });
    granted(await b.roster.fence(a.instanceId));
    await endLease(redis, a.instanceId);
    expect(granted(await b.roster.expired())).toEqual([a.instanceId]);
    expect(granted(await b.roster.reap(a.instanceId))).toHaveLength(2);
    // A lease more: what it had under way when it was fenced counts nowhere.
    expect(await redis.ask(`HGET rc:boots ${a.instanceId}`)).toMatch(/-\d+ swept one/);
    granted(await a.roster.setConnections(bobInbox, 1));
    expect(granted(await b.roster.connections([bobInbox]))).toEqual([0]);
    await primary.close();
  });

  it('keeps the users of a worker that hangs, as doubtful, as long as its primary vouches for it', async () => {
    const redis = await redisForTest();
    let aheadMs = 0;
    const a = await peerForTest(redis.url);
    const b = await peerForTest(redis.url, { elapsedMs: () => performance.now() + aheadMs });
    const primary = await openRedisPrimary({ options: redisOptions(redis.url), host: 'test', log: silent });
    onTestFinished(() => primary.close());
    const room = newRoom();
    granted(await a.roster.heartbeat(3));
    granted(await a.roster.enter(room, ann, 1, 1));
    const silent2s = async () => {
      aheadMs += 2_000;
      granted(await b.roster.heartbeat(0));
      return granted(await b.roster.expired());
    };
    for (const _ of range(1, 10)) {
      granted(await primary.vouchFor(a.instanceId));
      expect(await silent2s()).toEqual([]);
    }
    const [member] = granted(await b.roster.members(room, { limit: 9 })).members;
    expect(member).toMatchObject({ userId: 'ann', clients: 1, state: 'doubtful' });
    await eventually(async () => expect(await silent2s()).toEqual([a.instanceId]));
    granted(await b.roster.fence(a.instanceId));
    granted(await primary.vouchFor(a.instanceId));
    expect(await redis.ask(`HGET rc:boots ${a.instanceId}`)).toMatch(/\n-\d+ 3v test/);
    granted(await primary.vouchFor('never started'));
    expect(await redis.ask('HLEN rc:boots')).toBe(':2\r\n');
  });

  it('reports its whole presence again after it was fenced and reaped', async () => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url, { maxRoomClients: 2 }), await peerForTest(redis.url)];
    const room = newRoom();
    granted(await a.roster.heartbeat(1));
    granted(await a.roster.enter(room, ann, 1, 1));
    granted(await a.roster.enter(room, bob, 1, 2));
    const refused = { ok: false, error: { code: 'limit' } };
    const carol = { userId: 'carol', username: 'Carol' };
    expect(await a.roster.enter(room, carol, 1, 3)).toMatchObject(refused);
    expect(await a.roster.enter(newRoom(), carol, 3, 3)).toMatchObject(refused);
    expect(await a.roster.enter(room, { ...ann, username: 'Anna' }, 2, 3)).toMatchObject(refused);
    granted(await b.roster.fence(a.instanceId));
    granted(await b.roster.reap(a.instanceId));
    // Somebody took their places meanwhile: they are there all the same.
    granted(await b.roster.enter(room, carol, 1, 1));
    granted(await a.roster.heartbeat(1));
    await eventually(async () =>
      expect(granted(await b.roster.members(room, { limit: 9 })).members).toMatchObject([
        { ...ann, clients: 1 },
        { ...bob, clients: 1 },
        { userId: 'carol', clients: 1 },
      ]),
    );
    expect(granted(await b.roster.count(room))).toMatchObject({ users: 3, clients: 3 });
    expect(granted(await b.roster.findByUsername(room, 'Anna', 9))).toEqual([]);
    expect(granted(await b.roster.rooms('/', { limit: 9 })).rooms).toHaveLength(1);
  });

  it('announces who enters again between the first heartbeat after a reap and the report of all users', async () => {
    const redis = await redisForTest();
    let frozenMs = 0;
    const a = await peerForTest(redis.url, { elapsedMs: () => performance.now() + frozenMs });
    const b = await peerForTest(redis.url);
    const room = newRoom();
    const late: string[] = [];
    a.roster.onReturn((_, user) => late.push(user.userId));
    granted(await a.roster.heartbeat(2));
    granted(await a.roster.enter(room, ann, 1, 1));
    granted(await a.roster.enter(room, bob, 1, 2));
    frozenMs = ROSTER_LEASE_MS;
    expect(granted(await b.roster.reap(a.instanceId))).toHaveLength(2);
    granted(await a.roster.heartbeat(2));
    expect(granted(await a.roster.enter(room, ann, 2, 3)).changed).toBe(true);
    // The room holds nothing back either, as it would if Redis had lost the roster.
    expect(granted(await b.roster.enter(room, cid, 1, 1)).changed).toBe(true);
    await eventually(() => expect(late).toEqual(['bob']));
  });

  it('leaves no key of a refused entry', async () => {
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url, { maxRoomClients: 1 });
    const room = newRoom();
    expect(await peer.roster.enter(room, ann, 2, 2)).toMatchObject({ error: { code: 'limit' } });
    await eventually(async () => expect(await roomKeysIn(redis)).toEqual([]));
  });

  it('answers every call in time while Redis is away', async () => {
    const redis = await redisForTest();
    const { roster, ...peer } = await peerForTest(redis.url);
    const room = newRoom();
    granted(await roster.enter(room, ann, 1, 1));
    redis.freeze();
    const answers = await Promise.all([
      roster.enter(room, bob, 1, 1),
      roster.exit(room, 'ann', 0),
      roster.setClients(room, 2),
      roster.count(room),
      roster.findByUsername(room, 'Ann', 1),
      roster.members(room, { limit: 1 }),
      roster.rooms('/', { limit: 1 }),
      roster.setConnections(annInbox, 1),
      roster.connections([annInbox]),
      roster.totals(),
      roster.heartbeat(1),
      roster.reap('gone'),
      roster.expired(),
      roster.fence('gone'),
      roster.isOnlineIn(room, 'ann'),
      peer.logs.replace(room, 1, '"x":1'),
      peer.logs.unread([{ room, read: 0 }]),
      peer.moderation.restrict(room, 'ann', 'ban'),
      peer.moderation.lift(room, 'ann', 'ban'),
      peer.moderation.restrictions(room, 'ann'),
      peer.roomSubscriptions.set(annInbox, 'x', true),
      peer.roomSubscriptions.set(annInbox, 'x', false),
      peer.roomSubscriptions.raiseReadMarker(annInbox, 'x', 1),
      peer.roomSubscriptions.list(annInbox),
      peer.inboxes.erase(annInbox),
      peer.inboxes.markers(annInbox),
      peer.inboxes.raise(annInbox, { read: 1 }),
      peer.inboxes.appendAnnouncement(annInbox, draftOf(annInbox, ''), {
        was: undefined,
        becomes: { epoch: 'e', seq: 1 },
      }),
      peer.inboxes.progress([{ inbox: annInbox, seq: 1 }]),
      peer.idempotency.claim('key', 'print', 'id'),
      peer.idempotency.complete('key', 'id'),
      peer.pushes.save('id', { nsp: '/', positions: [] }),
      peer.pushes.find('id'),
      peer.secret(),
      peer.check(),
    ]);
    for (const answer of answers) expect(answer).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    redis.thaw();
  });
});
