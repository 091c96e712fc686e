import { expect, it } from 'vitest';
import { inboxOf } from '../../../src/chat/room.ts';
import { readCallsByCommand } from '../../bench/measure/redis-counts.ts';
import { granted, newRoom } from '../../contract/peers.ts';
import { peerForTest, redisForTest } from '../../contract/redis-harness.ts';

const PAGE = { limit: 50, maxBytes: 100_000 };
/** The most calls that the store's functions below make on the command connection. */
const MOST_CALLS = 8;
/** The most commands that Redis runs for them, those of the scripts and the subscription of the inbox among them. */
const MOST_COMMANDS = 35;
/** The client library and this test send these by themselves. */
const OTHERS = new Set(['ping', 'info', 'client|setinfo']);

it('the store functions that a guest’s connect with a join uses send a bounded number of commands', async () => {
  const redis = await redisForTest();
  let calls = 0;
  const { roster, bus, logs } = await peerForTest(redis.url, { onRedisReply: () => (calls += 1) });
  const room = newRoom();
  const nobody = () => undefined;
  const commands = async () => {
    const byName = Object.entries(await readCallsByCommand(redis.ask));
    return byName.reduce((sum, [name, times]) => sum + (OTHERS.has(name) ? 0 : times), 0);
  };

  /** Calls the store as the server does, see first-tasks.ts, without the server: a call that it adds is not seen here. */
  async function connect(userId: string, clients: number): Promise<void> {
    const inbox = inboxOf(room.nsp, userId);
    const user = { userId, username: userId };
    async function join(): Promise<void> {
      const [entered, page] = await Promise.all([
        roster.enter(room, user, 1, clients),
        logs.read(room, PAGE),
      ]);
      granted(entered);
      granted(page);
      granted(await bus.notify(room, { event: 'join', user }));
    }
    const [counted, subscribed] = await Promise.all([
      roster.setConnections(inbox, 1),
      bus.subscribe(inbox, nobody),
      join(),
    ]);
    granted(counted);
    granted(subscribed);
  }

  granted(await roster.heartbeat(1));
  granted(await bus.subscribe(room, nobody));
  await connect('ann', 1);
  const used: { readonly calls: number; readonly commands: number }[] = [];
  for (const [others, userId] of ['bob', 'cleo', 'dan'].entries()) {
    const [callsBefore, commandsBefore] = [calls, await commands()];
    await connect(userId, others + 2);
    used.push({ calls: calls - callsBefore, commands: (await commands()) - commandsBefore });
  }
  // A connect may be counted with a notification of the room, which comes a second later.
  expect(Math.min(...used.map((one) => one.calls))).toBeLessThanOrEqual(MOST_CALLS);
  expect(Math.min(...used.map((one) => one.commands))).toBeLessThanOrEqual(MOST_COMMANDS);
});

it('asks what keeps a user out with one command more, in the write that asks for the markers', async () => {
  const redis = await redisForTest();
  let replies = 0;
  const { inboxes } = await peerForTest(redis.url, { onRedisReply: () => (replies += 1) });
  const inbox = inboxOf('/', 'ann');
  const before = await readCallsByCommand(redis.ask);
  const repliesBefore = replies;
  granted(await inboxes.markers(inbox, { jti: 'x' }));
  expect(replies - repliesBefore).toBe(2);
  const after = await readCallsByCommand(redis.ask);
  expect([after.hmget, after.zmscore].map(Number)).toEqual([
    Number(before.hmget ?? 0) + 1,
    Number(before.zmscore ?? 0) + 1,
  ]);
});
