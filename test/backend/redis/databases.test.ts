import { expect, it } from 'vitest';
import { parseRedisAddress } from '../../../src/backend/redis/connection/address.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { parseConfiguration } from '../../../src/config/configuration.ts';
import { append, arrivalOf, granted, listen, newRoom, textsOf } from '../../contract/peers.ts';
import { peerForTest, redisForTest } from '../../contract/redis-harness.ts';

it.each([newRoom(), inboxOf('/', 'bob')])('databases of one server share no channel: $kind', async (room) => {
  const redis = await redisForTest();
  const [zero, one] = [await peerForTest(`${redis.url}/0`), await peerForTest(`${redis.url}/1`)];
  const [inZero, inOne] = [await listen(zero, room), await listen(one, room)];
  await append(zero, room, 'for zero');
  granted(await zero.bus.notify(room, { event: 'join', user: { userId: 'ann', username: 'Ann' } }));
  const { seq } = await append(zero, room, 'for zero again');
  await arrivalOf(seq, inZero.entries);
  // What was published before it has arrived as well.
  await append(one, room, 'for one');
  await arrivalOf(1, inOne.entries);
  expect(textsOf(inOne.entries)).toEqual(['for one']);
  expect(inOne.told).toEqual([]);
  expect(textsOf(inZero.entries)).toEqual(['for zero', 'for zero again']);
});

it('keeps the names of database 0, and no other prefix has those of another', () => {
  const room = roomOf('/', 'tea');
  const namesOf = ({ channel, probe }: ReturnType<typeof redisKeys>) => [channel(room), probe('b')];
  expect(namesOf(redisKeys('rc'))).toEqual([`rc#/#room:{${room.tag}}#`, 'rc:probe:b']);
  expect(namesOf(redisKeys('rc', 1))).toEqual([`rc#1#/#room:{${room.tag}}#`, 'rc#1:probe:b']);
  // What stands between prefix and namespace begins with what no prefix may hold.
  const { ok } = parseConfiguration({ KEY_PREFIX: 'rc#1' }, { defaultWorkers: 1, terminal: false });
  expect(ok).toBe(false);
});

it.each([
  ['redis://h', 0],
  ['redis://h/', 0],
  ['redis://h/0', 0],
  ['rediss://u:p@h:1/12', 12],
  ['unix:/a.sock', 0],
  ['unix:/a.sock?db=3', 3],
  ['redis+unix:///a.sock?x=1&db=4', 4],
])('reads the database of %s', (url, database) => {
  expect(parseRedisAddress(url).database).toBe(database);
});

it('refuses a database that is no number', () => {
  expect(() => parseRedisAddress('unix:/a.sock?db=two')).toThrow(/REDIS_URL is not valid/);
});
