import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { parseRedisAddress } from '../../src/backend/redis/address.ts';
import { openCommandLink } from '../../src/backend/redis/command-link.ts';
import { redisForTest } from './redis-harness.ts';

it('what was called of one server, and waits to be written, never runs on the next one', async () => {
  const redis = await redisForTest();
  let held: (() => void)[] | undefined;
  const link = openCommandLink({
    address: parseRedisAddress(redis.url),
    scripts: [],
    log: pino({ level: 'silent' }),
    pacing: {
      pass: (call) => (held ? void held.push(call) : call()),
      close: () => undefined,
    },
  });
  onTestFinished(() => link.close());
  expect(await link.usable(5_000)).toBe(true);
  held = [];
  const late = link.call(['SET', 'late', '1']);
  await redis.ask('CLIENT KILL TYPE normal');
  while (link.server()) await new Promise(setImmediate);
  expect(await link.usable(5_000)).toBe(true);
  while (!link.server()) await new Promise(setImmediate);
  for (const call of held.splice(0)) call();
  expect(await late).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
  held = undefined;
  expect(await link.call(['GET', 'late'])).toEqual({ ok: true, value: null });
});
