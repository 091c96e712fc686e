import { expect } from 'vitest';
import { openRedisPeer } from '../../contract/redis-harness.ts';
import { openRedis } from '../../support/redis-server.ts';
import { KEPT, writeMessages } from '../bounded-rooms.ts';

/** More than the fluctuation of what waits to be trimmed, and much less than a byte for each further message. */
const SLACK = 1.1;

/** Fills a few rooms and inboxes, writes so many further messages to them, and compares what Redis keeps. */
export async function expectFlatMemory(messages: number): Promise<void> {
  // Without a file, for what is compared is its memory.
  const redis = await openRedis(['--appendonly', 'no']);
  const peer = await openRedisPeer(redis.url, { historySize: KEPT, inboxSize: KEPT });
  /** Without those of remembered clientMsgIds, which go with time. */
  const keys = async () =>
    (await redis.ask('KEYS rc:*')).split('\r\n').filter((line) => /^rc:(?!.*:ids\d$)/.test(line));
  async function kept() {
    const sizes = await Promise.all(
      (await keys()).map(async (key) => {
        const usage = /^:(\d+)/.exec(await redis.ask(`MEMORY USAGE ${key} SAMPLES 0`));
        return Number(usage?.[1] ?? 0);
      }),
    );
    return { keys: sizes.length, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
  }
  try {
    await writeMessages(peer.logs, messages / 4);
    const before = await kept();
    await writeMessages(peer.logs, messages);
    const after = await kept();
    expect(after.keys).toBe(before.keys);
    expect(after.bytes).toBeLessThan(before.bytes * SLACK);
  } finally {
    await peer.close();
    await redis.close();
  }
}
