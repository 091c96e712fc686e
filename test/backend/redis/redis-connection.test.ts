import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { openRedisConnection } from '../../../src/backend/redis/connection/redis-connection.ts';
import { fixedTarget } from '../../../src/backend/redis/connection/target.ts';
import type { Script } from '../../../src/backend/redis/scripts.ts';
import { redisForTest } from '../../contract/redis-harness.ts';

/** A connection whose calls wait, once they are to, until they are let go. */
async function gatheringConnection(url: string, scripts: readonly Script[]) {
  const waiting: (() => void)[] = [];
  let gathers = false;
  const connection = openRedisConnection({
    target: fixedTarget(parseRedisAddress(url)),
    scripts,
    log: pino({ level: 'silent' }),
    pacing: {
      schedule: (call) => (gathers ? void waiting.push(call) : call()),
      close: () => undefined,
    },
  });
  onTestFinished(() => connection.close());
  expect(await connection.usable(5_000)).toBe(true);
  return {
    connection,
    waiting,
    gather: (yes: boolean) => {
      gathers = yes;
    },
    release() {
      for (const call of waiting.splice(0)) call();
    },
  };
}

it('a call that waits to be written to one server never runs on the next one', async () => {
  const redis = await redisForTest();
  const { connection, gather, release } = await gatheringConnection(redis.url, []);
  gather(true);
  const late = connection.call(['SET', 'late', '1']);
  await redis.ask('CLIENT KILL TYPE normal');
  while (connection.server()) await new Promise(setImmediate);
  expect(await connection.usable(5_000)).toBe(true);
  while (!connection.server()) await new Promise(setImmediate);
  release();
  expect(await late).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
  gather(false);
  expect(await connection.call(['GET', 'late'])).toEqual({ ok: true, value: null });
});

it('whether a command is denied is not known when the connection is lost meanwhile', async () => {
  const redis = await redisForTest();
  const { connection } = await gatheringConnection(redis.url, []);
  expect(await connection.denies(['GET', 'a'])).toEqual({ ok: true, value: false });
  redis.freeze();
  const denies = connection.denies(['GET', 'a']);
  await redis.kill9();
  expect(await denies).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
});

it('a call that waits while Redis lacks a script is written behind earlier calls', async () => {
  const redis = await redisForTest();
  const text = "return redis.call('RPUSH', KEYS[1], ARGV[1])";
  const script: Script = { text, call: 'command', sha1: createHash('sha1').update(text).digest('hex') };
  const { connection, waiting, gather, release } = await gatheringConnection(redis.url, [script]);
  const say = (text: string) => connection.evaluate<number>(script, ['said'], [text]);
  await redis.ask('SCRIPT FLUSH');
  gather(true);
  const said = [say('1')];
  release();
  said.push(say('2'));
  // The first one is to be sent again, with its text.
  while (waiting.length < 2) await new Promise(setImmediate);
  said.push(say('3'));
  // Another worker brings the script back meanwhile.
  await redis.ask(`SCRIPT LOAD "${text}"`);
  release();
  gather(false);
  expect(await Promise.all(said)).toEqual([1, 2, 3].map((value) => ({ ok: true, value })));
  expect(await connection.call(['LRANGE', 'said', '0', '-1'])).toEqual({ ok: true, value: ['1', '2', '3'] });
});
