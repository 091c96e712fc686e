import { expect, it } from 'vitest';
import { createDirectMessages } from '../../../src/chat/inbox/direct-messages.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import { readCallsByCommand } from '../../bench/measure/redis-counts.ts';
import { granted, newRoom } from '../../contract/peers.ts';
import { peerForTest, redisForTest } from '../../contract/redis-harness.ts';

/** The client library and this test send these by themselves. */
const OTHERS = new Set(['ping', 'info', 'client|setinfo']);
const RECEIVERS_EACH = 3;

it('a private message is answered the same, after as many calls, to strangers who are there, were there or never existed', async () => {
  const redis = await redisForTest();
  let calls = 0;
  const { logs, roster, inboxes } = await peerForTest(redis.url, { onRedisReply: () => (calls += 1) });
  let made = 0;
  const { sendPrivate } = createDirectMessages({
    logs,
    roster,
    todoLive: 'all',
    newId: () => `m${++made}`,
    onAppended: () => undefined,
  });
  const room = newRoom();
  const from = { id: 'ann', name: 'Ann' };
  granted(await roster.heartbeat(1));
  granted(await roster.enter(room, { userId: from.id, username: from.name }, 1, 1));

  async function arrive(userId: string): Promise<void> {
    granted(await roster.setConnections(inboxOf('/', userId), 1));
    granted(await inboxes.markers(inboxOf('/', userId), { opens: 'lastingly' }));
  }
  const commands = async () =>
    Object.entries(await readCallsByCommand(redis.ask)).reduce(
      (sum, [name, times]) => sum + (OTHERS.has(name) ? 0 : times),
      0,
    );
  const send = async (to: string) => {
    const message = { nsp: '/', from, to, scope: 'user ann' };
    return granted(await sendPrivate(message, 'hello', { socketId: 'socket', rooms: [room] }));
  };

  const kinds = {
    there: arrive,
    'was there': async (userId: string) => {
      await arrive(userId);
      granted(await roster.setConnections(inboxOf('/', userId), 0));
    },
    'never existed': async () => undefined,
  };
  await send('somebody');
  const callsOf = new Set<number>();
  const commandsOf = new Set<number>();
  for (const [kind, prepare] of Object.entries(kinds)) {
    const used: { readonly calls: number; readonly commands: number }[] = [];
    for (let n = 0; n < RECEIVERS_EACH; n += 1) {
      const to = `${kind} ${n}`;
      await prepare(to);
      const commandsBefore = await commands();
      const callsBefore = calls;
      const { id, at, ...ack } = await send(to);
      expect([id, at, ack]).toEqual([`m${made}`, expect.any(Number), { seq: 0, live: 0 }]);
      used.push({ calls: calls - callsBefore, commands: (await commands()) - commandsBefore });
    }
    // A message may be counted with a heartbeat or a notification of the room.
    callsOf.add(Math.min(...used.map((one) => one.calls)));
    commandsOf.add(Math.min(...used.map((one) => one.commands)));
  }
  expect(callsOf.size).toBe(1);
  // Inside of one call, the script asks whether somebody without an inbox is connected.
  expect(Math.max(...commandsOf) - Math.min(...commandsOf)).toBeLessThanOrEqual(1);
});
