import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openScripts, type Scripts } from '../../../src/backend/redis/scripts.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import { ROSTER_HEARTBEAT_MS } from '../../../src/chat/roster.ts';
import { granted, newRoom } from '../../contract/peers.ts';
import { peerForTest, redisForTest } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import type { RedisProcess } from '../../support/redis-server.ts';

const ann = { userId: 'ann', username: 'Ann' };

/** faketime does not run under Redis's allocator: the scripts' clock is as far ahead as the key `step` says. */
function steppedScripts(): Scripts {
  const time = "redis.call('TIME')";
  const clock = `local function stepped() local time = ${time} time[1] = time[1] + (redis.call('GET', 'step') or 0) return time end\n`;
  const stepped = Object.entries(openScripts()).map(([name, script]) => {
    const text = clock + script.text.replaceAll(time, 'stepped()');
    return [name, { ...script, text, sha1: createHash('sha1').update(text).digest('hex') }];
  });
  return Object.fromEntries(stepped) as Scripts;
}

async function keysOf(redis: RedisProcess, pattern: string): Promise<string[]> {
  return (await redis.ask(`KEYS ${pattern}`)).split('\r\n').filter((line) => line.startsWith('rc:'));
}

describe('presence when the clock of Redis is set', () => {
  it.each([15, -15, 3_600, -3_600])('by %d s: nobody leaves, and counts stay right', async (seconds) => {
    const redis = await redisForTest();
    const scripts = steppedScripts();
    const a = await peerForTest(redis.url, { scripts });
    const b = await peerForTest(redis.url, { scripts });
    const peers = [a, b];
    const [room, inbox] = [newRoom(), inboxOf('/', 'ann')];
    const heartbeat = async (clients: number) => {
      for (const { roster } of peers) granted(await roster.heartbeat(clients));
    };
    await heartbeat(1);
    granted(await a.roster.enter(room, ann, 1, 1));
    granted(await a.roster.setConnections(inbox, 1));
    const state = async () =>
      Promise.all(
        peers.map(async ({ roster }) => ({
          expired: granted(await roster.expired()),
          counted: granted(await roster.count(room)).clients,
          members: granted(await roster.members(room, { limit: 9 })).members.map((one) => one.state),
          connections: granted(await roster.connections([inbox])),
        })),
      );
    const fine = { expired: [], counted: 1, members: ['online'], connections: [1] };
    for (const { roster } of peers) granted(await roster.totals());
    expect(await state()).toEqual([fine, fine]);

    await redis.ask(`SET step ${seconds}`);
    // Set back, Redis keeps for so much longer what it was to keep for a while.
    for (const key of seconds < 0 ? await keysOf(redis, 'rc:totals*') : [])
      await redis.ask(`PEXPIRE ${key} ${-seconds * 1_000}`);
    // The one that sends its heartbeat first must not take the other for dead.
    granted(await b.roster.heartbeat(1));
    expect(await state()).toEqual([fine, fine]);
    await heartbeat(2);
    expect(await state()).toEqual([fine, fine]);
    for (const { roster } of peers) {
      await eventually(async () => expect(granted(await roster.totals())).toEqual({ users: 1, clients: 4 }), {
        timeout: 3 * ROSTER_HEARTBEAT_MS,
      });
    }
    expect(await state()).toEqual([fine, fine]);
  });
});
