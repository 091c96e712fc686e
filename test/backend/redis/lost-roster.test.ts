import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { BackendOptions } from '../../../src/backend/backend.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { createPresence } from '../../../src/chat/presence.ts';
import type { Room } from '../../../src/chat/room.ts';
import type { RosterEntry } from '../../../src/chat/roster.ts';
import { granted, newRoom, range } from '../../contract/peers.ts';
import { openPeer, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { openRedis, type RedisProcess } from '../../support/redis-server.ts';

const FORGETFUL = ['--appendonly', 'no', '--save', ''];
const GRACE_MS = 100;
const BEAT_MS = 200;
const ROOMS = 6;
const BEFORE = ['anna', 'bert', 'both', 'goer', 'lost', 'opens', 'parts'];

async function openWorker(options: Partial<BackendOptions>, say: (room: Room, what: string) => void) {
  const peer = await openPeer(options);
  const { roster } = peer;
  const join = (room: Room, { userId }: RosterEntry) => say(room, `join ${userId}`);
  roster.onReturn(join);
  const presence = createPresence({
    roster,
    onJoin: join,
    onQuit: (_, { userId }) => expect(userId).toBe('announced by the roster'),
    log: silent,
    graceMs: GRACE_MS,
  });
  // A busy machine may not have connected yet.
  await eventually(async () => granted(await roster.heartbeat(1)));
  await eventually(async () => granted(await peer.check()));
  const beat = setInterval(() => void Promise.all([roster.heartbeat(1), peer.check()]), BEAT_MS);
  return {
    peer,
    close() {
      clearInterval(beat);
      presence.close();
      return peer.close();
    },
    leave: presence.leave,
    /** Repeats until the store accepts it, as a client does. */
    enter: (room: Room, userId: string) =>
      eventually(async () => {
        granted(await presence.enter(room, { userId, username: userId })).announce();
      }),
  };
}

/**
 * Hears at the server what it publishes of who came and left. A worker's own subscriber may come back later than the server, and
 * hears nothing before.
 */
async function hearPublished(
  redis: RedisProcess,
  rooms: readonly Room[],
  say: (room: Room, what: string) => void,
) {
  const socket = connect(redis.port, '127.0.0.1').setEncoding('utf8');
  // The server ends.
  socket.on('error', () => undefined);
  let unread = '';
  let subscribed = 0;
  socket.on('data', (text: string) => {
    const lines = (unread + text).split('\r\n');
    unread = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'ssubscribe') subscribed += 1;
      const at = line.indexOf('{"event":');
      const end = line.lastIndexOf('],"nsp":', line.lastIndexOf('"opts"'));
      if (at < 0) continue;
      const { event, roomid, data } = JSON.parse(line.slice(at, end));
      const room = rooms.find((one) => one.roomid === roomid);
      if (room) say(room, `${event} ${data.userId}`);
    }
  });
  for (const room of rooms) socket.write(`SSUBSCRIBE ${redisKeys('rc').channel(room)}\r\n`);
  await eventually(() => expect(subscribed).toBe(rooms.length));
  return { close: () => socket.destroy() };
}

type Stage = Awaited<ReturnType<typeof openStage>>;

/** Two workers with people in the same rooms, and what the members are told from then on. */
async function openStage(options: Partial<BackendOptions>) {
  const rooms = range(1, ROOMS).map(() => newRoom());
  const announced = new Map(rooms.map(({ tag }) => [tag, [] as string[]]));
  const changed = new Map(rooms.map(({ tag }) => [tag, [] as string[]]));
  const say = ({ tag }: Room, what: string) => announced.get(tag)?.push(what);
  const [first, second] = [await openWorker(options, say), await openWorker(options, say)];
  for (const room of rooms) {
    const onChange = (names: readonly RosterEntry[], sign: string) =>
      changed.get(room.tag)?.push(...names.map(({ userId }) => `${sign}${userId}`));
    granted(
      await second.peer.bus.subscribe(
        room,
        () => undefined,
        (change) => {
          if (!('joins' in change)) return;
          onChange(change.joins, '+');
          onChange(change.leaves, '-');
        },
      ),
    );
    for (const name of ['anna', 'both', 'goer', 'parts']) await first.enter(room, name);
    for (const name of ['bert', 'both', 'lost', 'opens', 'parts']) await second.enter(room, name);
    await eventually(() => expect(changed.get(room.tag)).toHaveLength(BEFORE.length));
    announced.get(room.tag)?.splice(0);
    changed.get(room.tag)?.splice(0);
  }
  return { rooms, announced, changed, first, second, say };
}

function expectTold({ announced, changed }: Stage, { tag }: Room): void {
  const told = ['broadcast_quit goer', 'broadcast_quit lost', 'join comes', 'join ends'];
  expect(announced.get(tag)?.toSorted()).toEqual(told);
  expect(changed.get(tag)?.toSorted()).toEqual(['+comes', '+ends', '-goer', '-lost']);
}

const FAULTS = {
  FLUSHALL: { lose: (redis: RedisProcess) => redis.ask('FLUSHALL'), comeBack: async () => undefined },
  'a restart without its data': {
    lose: (redis: RedisProcess) => redis.kill9(),
    comeBack: (redis: RedisProcess) => redis.start(),
  },
};

// Each waits until nothing is held back any more.
describe.concurrent('the members are told exactly who came and left', () => {
  it.for([
    ['FLUSHALL', 1],
    ['FLUSHALL', 3],
    ['a restart without its data', 1],
    ['a restart without its data', 3],
  ] as const)('after %s of one server of %i', async ([fault, count]) => {
    const servers = await Promise.all(range(1, count).map(() => openRedis(FORGETFUL)));
    const [redis] = servers as [RedisProcess];
    const urls = servers.map(({ url }) => url);
    const stage = await openStage(count === 1 ? { redisUrl: redis.url } : { redisUrls: urls });
    const { rooms, first, second, say } = stage;
    const { lose, comeBack } = FAULTS[fault];
    const hearings = await Promise.all(servers.map((server) => hearPublished(server, rooms, say)));
    try {
      await lose(redis);
      for (const room of rooms) {
        void first.leave(room, 'goer', 'asked');
        void second.leave(room, 'lost', 'lost');
        void first.leave(room, 'parts', 'asked');
      }
      await comeBack(redis);
      if (fault !== 'FLUSHALL') hearings.push(await hearPublished(redis, rooms, say));
      // Before a worker has reported again.
      await Promise.all(rooms.flatMap((room) => [first.enter(room, 'opens'), second.enter(room, 'comes')]));
      await Promise.all(rooms.map((room) => second.enter(room, 'ends')));
      // A room of a server that lost nothing holds nothing back, and hears of `lost` only after the grace time. A worker that
      // has not asked before who lives counts the others once they are listed again.
      for (const room of rooms) {
        await eventually(async () => {
          expectTold(stage, room);
          for (const { peer } of [first, second]) {
            const { members } = granted(await peer.roster.members(room, { limit: 20 }));
            const there = ['anna', 'bert', 'both', 'comes', 'ends', 'opens', 'parts'];
            expect(members.map(({ userId }) => userId)).toEqual(there);
            expect(granted(await peer.roster.count(room))).toMatchObject({ users: 7, clients: 9 });
          }
        });
      }
      for (const room of rooms) expectTold(stage, room);
    } finally {
      for (const { close } of hearings) close();
      await Promise.all([first.close(), second.close()]);
      await Promise.all(servers.map((server) => server.close()));
    }
  });
});
