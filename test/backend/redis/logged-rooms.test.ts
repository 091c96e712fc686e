import { expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { append, granted } from '../../contract/peers.ts';
import { ALLOWED, callsOf, peerForTest, redisForTest } from '../../contract/redis-harness.ts';

it('a user of Redis without the right to SCAN cannot list rooms by their logs, and does all else', async () => {
  const redis = await redisForTest(['--user', 'joe', ...ALLOWED]);
  const peer = await peerForTest(redis.url.replace('//', '//joe:granted@'));
  await append(peer, roomOf('/', 'tea'), 'hello');
  expect(await peer.loggedRooms.list('/', { limit: 10 })).toEqual({
    ok: false,
    error: {
      code: 'forbidden',
      message: 'all: the user of Redis lacks the right to SCAN: grant +scan',
      temporary: false,
    },
  });
  granted(await peer.check());
});

it('a page of the listing looks at a bounded number of keys, and only at those of this KEY_PREFIX', async () => {
  const redis = await redisForTest();
  const peer = await peerForTest(redis.url, { keyPrefix: 'r[a]' });
  const other = await peerForTest(redis.url, { keyPrefix: 'ra' });
  await append(peer, roomOf('/', 'tea'), 'hello');
  await append(other, roomOf('/', 'not ours'), 'hello');
  await redis.ask("EVAL \"for n = 1, 5000 do redis.call('SET', 'x:' .. n, 1) end\" 0");
  await redis.ask('CONFIG RESETSTAT');
  const first = granted(await peer.loggedRooms.list('/', { limit: 20 }));
  expect(first.next).toBeDefined();
  expect(await callsOf(redis, 'scan')).toBeLessThanOrEqual(33);
  const found = [...first.roomids];
  for (let after = first.next; after !== undefined; ) {
    const page = granted(await peer.loggedRooms.list('/', { after, limit: 20 }));
    found.push(...page.roomids);
    after = page.next;
  }
  expect(found).toEqual(['tea']);
});

it('a place that the listing never gave is refused, and one of another run of the server begins anew', async () => {
  const redis = await redisForTest();
  const peer = await peerForTest(redis.url);
  await append(peer, roomOf('/', 'tea'), 'hello');
  for (const after of ['x', 'abcdefgh.0', 'abcdefgh.0.x', 'abcdefgh.0.18446744073709551616']) {
    expect(await peer.loggedRooms.list('/', { after, limit: 10 })).toEqual({
      ok: false,
      error: { code: 'bad_request', message: 'after: is no place of this listing', temporary: false },
    });
  }
  const anew = await peer.loggedRooms.list('/', { after: 'abcdefgh.7.18446744073709551615', limit: 1_000 });
  expect(granted(anew)).toEqual({ roomids: ['tea'] });
});
