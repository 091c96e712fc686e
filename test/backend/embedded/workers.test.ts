import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PrimaryBackend } from '../../../src/backend/backend.ts';
import { createInstanceRoster, type InstanceRoster } from '../../../src/backend/embedded/roster.ts';
import { BUS } from '../../../src/backend/embedded/services.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { ROSTER_DOUBT_MS, ROSTER_LEASE_MS } from '../../../src/chat/roster.ts';
import type { WorkerIpc } from '../../../src/cluster/ipc.ts';
import { type EmbeddedPeer, makeDataDir, openPeer, openPrimary } from '../../contract/embedded-harness.ts';
import { append, arrivalOf, draftOf, granted, listen, newRoom, range } from '../../contract/peers.ts';

async function setUp(): Promise<PrimaryBackend> {
  const dataDir = await makeDataDir();
  const primary = await openPrimary(dataDir);
  onTestFinished(async () => {
    await primary.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  return primary;
}

/** A roster whose wall clock and monotonic clock both read `now`. */
function rosterAt(now: () => number, maxRoomClients = 0): InstanceRoster {
  return createInstanceRoster({ now, elapsedMs: now, maxRoomClients, publish: () => undefined });
}

/** A peer, and how many entries the primary sent it. */
async function countedPeer(primary: PrimaryBackend): Promise<{ peer: EmbeddedPeer; sent: () => number }> {
  let sent = 0;
  const peer = await openPeer({
    ...primary,
    serve: (worker: WorkerIpc) =>
      primary.serve({
        ...worker,
        notify(kind, body) {
          if (kind === BUS.entries) sent += (body as unknown[]).length;
          worker.notify(kind, body);
        },
      }),
  });
  return { peer, sent: () => sent };
}

describe('embedded primary and its workers', () => {
  it('keeps the users of a worker that hangs, as doubtful, as long as it vouches for the worker', () => {
    let atMs = 0;
    const roster = rosterAt(() => atMs);
    const room = newRoom();
    roster.heartbeat('hangs');
    roster.enter('hangs', room, { userId: 'ann', username: 'Ann' }, 1, 1);
    for (const _ of range(1, 3)) {
      atMs += ROSTER_LEASE_MS - 1;
      expect(roster.expired()).toEqual([]);
      roster.vouchFor('hangs');
    }
    const [member] = roster.members(room, { limit: 9 }).members;
    expect(member).toMatchObject({ userId: 'ann', clients: 1, state: 'doubtful', seenAt: 0 });
    roster.fence('hangs');
    atMs += ROSTER_LEASE_MS - 1;
    roster.vouchFor('hangs');
    atMs += 2;
    expect(roster.expired()).toEqual(['hangs']);
    roster.vouchFor('never started');
    expect(roster.expired()).toEqual(['hangs']);
  });

  it('sends messages only to workers that subscribe to the room, once per worker', async () => {
    const primary = await setUp();
    const [holding, other] = [await countedPeer(primary), await countedPeer(primary)];
    const room = newRoom();
    const [one, two] = [await listen(holding.peer, room), await listen(holding.peer, room)];
    for (const n of range(1, 5)) await append(other.peer, room, `${n}`);
    await Promise.all([arrivalOf(5, one.entries), arrivalOf(5, two.entries)]);
    expect([holding.sent(), other.sent()]).toEqual([5, 0]);
    one.close();
    two.close();
    // A later answer on the same ordered link: the release was heard before.
    await granted(await holding.peer.secret());
    await append(other.peer, room, '6');
    expect(holding.sent()).toBe(5);
  });

  it('forgets the subscriptions of a worker whose IPC channel is gone', async () => {
    const primary = await setUp();
    const [gone, other] = [await countedPeer(primary), await countedPeer(primary)];
    const room = newRoom();
    await listen(gone.peer, room);
    gone.peer.pair.cut();
    await append(other.peer, room, '1');
    expect(gone.sent()).toBe(0);
  });

  it('refuses at once, with a time to try again, when the primary is gone', async () => {
    const primary = await setUp();
    const peer = await openPeer(primary);
    const room = newRoom();
    const pending = peer.logs.append(room, draftOf(room, 'x'));
    peer.pair.cut();
    const outcomes = [
      await pending,
      await peer.logs.append(room, draftOf(room, 'x')),
      await peer.logs.read(room, { limit: 1, maxBytes: 1 }),
      await peer.bus.subscribe(room, () => {}),
      await peer.roster.heartbeat(1),
      await peer.secret(),
      await peer.check(),
    ];
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
      expect(outcome.ok || outcome.error.retryAfterMs).toBeGreaterThan(0);
    }
  });

  it('can subscribe to a room after a refused subscription', async () => {
    const primary = await setUp();
    let refusing = true;
    const peer = await openPeer({
      ...primary,
      serve: (worker: WorkerIpc) =>
        primary.serve({
          ...worker,
          onRequest: (kind, handler) =>
            worker.onRequest(kind, (body) => {
              if (kind === 'bus.subscribe' && refusing) throw new Error('refusing');
              return handler(body);
            }),
        }),
    });
    const room = newRoom();
    const refused = await Promise.all([
      peer.bus.subscribe(room, () => {}),
      peer.bus.subscribe(room, () => {}),
    ]);
    expect(refused.map((outcome) => outcome.ok)).toEqual([false, false]);
    refusing = false;
    const heard = await listen(peer, room);
    await append(peer, room, 'heard');
    await arrivalOf(1, heard.entries);
    expect(heard.entries).toHaveLength(1);
  });

  it('refuses when the primary is stopping, and closes once', async () => {
    const primary = await setUp();
    const peer = await openPeer(primary);
    const appended = append(peer, newRoom(), 'taken');
    await granted(await peer.secret());
    await Promise.all([primary.close(), primary.close()]);
    expect((await appended).seq).toBe(1);
    expect(await peer.check()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(await primary.check()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  });

  it('counts hosts, workers, connections, users and rooms', async () => {
    const primary = await setUp();
    const [a, b] = [await openPeer(primary), await openPeer(primary)];
    const room = newRoom();
    granted(await a.roster.heartbeat(3));
    granted(await b.roster.heartbeat(2));
    granted(await a.roster.enter(room, { userId: 'ann', username: 'Ann' }, 2, 2));
    granted(await b.roster.setClients(newRoom(), 1));
    const [annHere, annThere, bob] = [inboxOf('/', 'ann'), inboxOf('/post', 'ann'), inboxOf('/', 'bob')];
    granted(await a.roster.setConnections(annHere, 3));
    granted(await b.roster.setConnections(annThere, 1));
    granted(await b.roster.setConnections(bob, 1));
    granted(await b.roster.enter(roomOf('/', 'lobby', 'lounge'), { userId: 'bob', username: 'Bob' }, 1, 1));
    const whole = { hosts: 1, workers: 2, clients: 5, users: 2, rooms: 2 };
    expect(granted(await primary.overview())).toEqual(whole);
    granted(await b.roster.setConnections(annThere, 0));
    expect(granted(await primary.overview())).toEqual({ ...whole, clients: 4 });
    granted(await a.roster.reap(b.instanceId));
    expect(granted(await primary.overview())).toEqual({
      hosts: 1,
      workers: 1,
      clients: 3,
      users: 1,
      rooms: 1,
    });
    granted(await a.roster.exit(room, 'ann', 0));
    granted(await a.roster.setConnections(annHere, 0));
    expect(granted(await primary.overview())).toMatchObject({ users: 0, rooms: 0 });
  });
});

describe('embedded roster', () => {
  it('considers a worker expired after a lease without a heartbeat, until it sends one or is reaped', () => {
    let now = 1_000;
    const roster = rosterAt(() => now);
    roster.heartbeat('a');
    roster.heartbeat('b');
    roster.setConnections('a', inboxOf('/', 'ann'), 3);
    roster.setConnections('a', inboxOf('/post', 'bob'), 1);
    roster.setConnections('b', inboxOf('/', 'bob'), 2);
    expect(roster.overview()).toMatchObject({ workers: 2, clients: 6, users: 2 });
    now += ROSTER_LEASE_MS;
    roster.heartbeat('b');
    expect(roster.expired()).toEqual([]);
    now += 1;
    expect(roster.expired()).toEqual(['a']);
    expect(roster.overview()).toMatchObject({ workers: 1, clients: 2, users: 1 });
    roster.heartbeat('a');
    expect(roster.overview()).toMatchObject({ workers: 2, clients: 6, users: 2 });
    expect(roster.expired()).toEqual([]);
    now += ROSTER_LEASE_MS + 1;
    roster.reap('a');
    expect(roster.expired()).toEqual(['b']);
  });

  it.each([15_000, -15_000, 3_600_000, -3_600_000])(
    'considers no worker dead if the clock is set by %d ms',
    (stepMs) => {
      let set = 0;
      let now = 1_000_000_000;
      const roster = createInstanceRoster({
        now: () => now + set,
        elapsedMs: () => now,
        maxRoomClients: 0,
        publish: () => undefined,
      });
      const room = newRoom();
      const ann = { userId: 'ann', username: 'Ann' };
      roster.heartbeat('a');
      roster.enter('a', room, ann, 1, 1);
      set = stepMs;
      now += 1_000;
      expect(roster.expired()).toEqual([]);
      expect(roster.overview()).toMatchObject({ workers: 1 });
      expect(roster.members(room, { limit: 9 }).members).toEqual([
        { ...ann, clients: 1, state: 'online', seenAt: now + stepMs - 1_000 },
      ]);
      now += ROSTER_LEASE_MS;
      expect(roster.expired()).toEqual(['a']);
    },
  );

  it('counts the lease of a worker without a heartbeat from its first report', () => {
    let now = 1_000;
    const roster = rosterAt(() => now);
    roster.enter('a', newRoom(), { userId: 'ann', username: 'Ann' }, 1, 1);
    expect(roster.expired()).toEqual([]);
    now += ROSTER_LEASE_MS + 1;
    expect(roster.expired()).toEqual(['a']);
  });

  it('counts the connections of workers with a heartbeat within the lease, and drops them when reaped', () => {
    let now = 1_000;
    const roster = rosterAt(() => now);
    const inbox = inboxOf('/', 'ann');
    roster.setConnections('a', inbox, 2);
    roster.heartbeat('b');
    roster.setConnections('b', inbox, 3);
    expect(roster.connections([inbox])).toEqual([5]);
    now += ROSTER_LEASE_MS;
    roster.heartbeat('b');
    expect(roster.connections([inbox])).toEqual([5]);
    now += 1;
    expect(roster.connections([inbox])).toEqual([3]);
    roster.heartbeat('a');
    expect(roster.connections([inbox])).toEqual([5]);
    roster.reap('b');
    roster.reap('a');
    roster.heartbeat('b');
    expect(roster.connections([inbox])).toEqual([0]);
    expect(roster.totals()).toEqual({ users: 0, clients: 0 });
  });

  it('marks users doubtful whose workers missed heartbeats, and counts connections within the lease', () => {
    let now = 1_000;
    const roster = rosterAt(() => now);
    const room = newRoom();
    const ann = { userId: 'ann', username: 'Ann' };
    const members = () => roster.members(room, { limit: 9 }).members;
    roster.enter('a', room, ann, 2, 2);
    now += 1;
    roster.enter('b', room, ann, 1, 1);
    expect(members()).toEqual([{ ...ann, clients: 3, state: 'online', seenAt: 1_001 }]);
    now += ROSTER_DOUBT_MS;
    expect(members()).toMatchObject([{ clients: 3, state: 'online', seenAt: 1_001 }]);
    now += 1;
    expect(members()).toMatchObject([{ clients: 3, state: 'doubtful', seenAt: 1_001 }]);
    roster.heartbeat('a');
    const heartbeatAt = now;
    expect(members()).toMatchObject([{ clients: 3, state: 'online', seenAt: heartbeatAt }]);
    now = 1_001 + ROSTER_LEASE_MS + 1;
    expect(members()).toMatchObject([{ clients: 2, seenAt: heartbeatAt }]);
    now = heartbeatAt + ROSTER_LEASE_MS + 1;
    expect(members()).toMatchObject([{ clients: 0, state: 'doubtful', seenAt: heartbeatAt }]);
  });

  it('ignores writes of a fenced worker, before and after it is reaped', () => {
    let now = 1_000;
    const roster = rosterAt(() => now, 2);
    const [room, empty] = [newRoom(), newRoom()];
    const ann = { userId: 'ann', username: 'Ann' };
    const bob = { userId: 'bob', username: 'Bob' };
    const inbox = inboxOf('/', 'ann');
    roster.heartbeat('a');
    roster.enter('a', room, ann, 2, 2);
    roster.setClients('a', empty, 1);
    roster.setConnections('a', inbox, 2);
    expect(roster.overview()).toEqual({ hosts: 1, workers: 1, clients: 2, users: 1, rooms: 2 });
    now += 1;
    roster.fence('a');
    const late = () => {
      roster.heartbeat('a');
      expect(roster.enter('a', room, bob, 1, 1)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
      roster.setClients('a', empty, 1);
      roster.setConnections('a', inbox, 2);
      expect(roster.exit('a', room, 'ann', 0).changed).toBe(false);
      expect(roster.connections([inbox])).toEqual([0]);
      expect(roster.totals()).toEqual({ users: 0, clients: 0 });
      expect(roster.count(empty)).toMatchObject({ users: 0, clients: 0 });
    };
    late();
    expect(roster.overview()).toEqual({ hosts: 1, workers: 0, clients: 0, users: 0, rooms: 1 });
    expect(roster.count(room)).toMatchObject({ users: 1, clients: 0 });
    expect(roster.members(room, { limit: 1 }).members).toEqual([
      { ...ann, clients: 0, state: 'doubtful', seenAt: 1_000 },
    ]);
    // Its primary reaps it when the grace time is over, the others when its lease is.
    expect(roster.expired()).toEqual([]);
    now += ROSTER_LEASE_MS;
    expect(roster.expired()).toEqual(['a']);
    // Its places are free.
    expect(roster.enter('b', room, bob, 2, 2).ok).toBe(true);
    expect(roster.reap('a')).toMatchObject([{ room, user: ann }]);
    late();
    expect(roster.expired()).toEqual([]);
    expect(roster.count(room)).toMatchObject({ users: 1, clients: 2 });
  });

  it('keeps a room of thousands in order while users join and leave', () => {
    const roster = rosterAt(() => 1_000);
    const room = newRoom();
    const ids = range(1, 3_000).map((n) => `${String.fromCodePoint(0x4e00 + ((n * 7919) % 3_000))}${n % 7}`);
    const present = new Set<string>();
    for (const [index, userId] of ids.entries()) {
      roster.enter('a', room, { userId, username: 'Ann' }, 1, 1);
      present.add(userId);
      const leaving = index % 3 === 2 ? ids[index >> 1] : undefined;
      if (leaving === undefined) continue;
      roster.exit('a', room, leaving, 1);
      present.delete(leaving);
    }
    const found: string[] = [];
    for (let after: string | undefined = ''; after !== undefined; ) {
      const { members, next } = roster.members(room, { after, limit: 170 });
      found.push(...members.map(({ userId }) => userId));
      after = next;
    }
    expect(found.length).toBeGreaterThan(1_500);
    expect(found).toEqual([...present].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))));
    for (const userId of present) roster.exit('a', room, userId, 0);
    expect(roster.members(room, { limit: 1 })).toMatchObject({ members: [] });
    expect(roster.rooms('/', { limit: 1 })).toEqual({ rooms: [] });
  });

  it('shows no user under a name by which the index does not find them', () => {
    const roster = rosterAt(() => 1_000);
    const room = newRoom();
    const ann = { userId: 'ann', username: 'Ann' };
    const anna = { userId: 'ann', username: 'Anna' };
    roster.enter('a', room, ann, 1, 1);
    roster.enter('b', room, anna, 1, 1);
    expect(roster.members(room, { limit: 1 }).members).toMatchObject([anna]);
    roster.exit('b', room, 'ann', 0);
    expect(roster.members(room, { limit: 1 }).members).toMatchObject([ann]);
    expect(roster.findByUsername(room, 'Anna', 1)).toEqual([]);
  });
});
