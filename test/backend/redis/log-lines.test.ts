import { expect, it, onTestFinished, vi } from 'vitest';
import { createFeeds } from '../../../src/chat/feeds.ts';
import { createPresence } from '../../../src/chat/presence.ts';
import { createLog } from '../../../src/log.ts';
import { append, granted, newRoom } from '../../contract/peers.ts';
import { ALLOWED, peerForTest, redisForTest } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

it('a store that refuses everything costs a line for each cause and place, however much is asked', async () => {
  const redis = await redisForTest(['--user', 'joe', ...ALLOWED]);
  const texts: string[] = [];
  const destination = { write: (line: string) => void texts.push((JSON.parse(line) as { msg: string }).msg) };
  const log = createLog({ level: 'info', pretty: false, base: {}, destination });
  const peer = await peerForTest(redis.url.replace('//', '//joe:granted@'), { log });
  const { logs, bus, roster } = peer;
  const nothing = () => undefined;
  const feeds = createFeeds({ logs, bus, log, deliver: nothing, onGap: nothing, onPresence: nothing });
  const presence = createPresence({ roster, log, onJoin: nothing, onQuit: nothing, graceMs: 0 });
  onTestFinished(() => {
    feeds.close();
    presence.close();
  });
  const rooms = Array.from({ length: 100 }, () => newRoom());
  const ann = { userId: 'ann', username: 'Ann' };
  for (const room of rooms) {
    granted(await feeds.lease(room));
    granted(await feeds.attach(room, () => logs.read(room, { limit: 1, maxBytes: 1e6 }), nothing));
    granted(await presence.enter(room, ann));
    await append(peer, room, 'heard');
  }
  await redis.ask('ACL SETUSER joe -@all +ping +info resetchannels');
  texts.length = 0;
  const attempts = vi.spyOn(logs, 'read');
  feeds.resync();
  await Promise.all(rooms.map((room) => presence.leave(room, 'ann', 'asked')));
  await Promise.all(rooms.map((room) => logs.append(room, { id: 'i', members: '"a":1' })));
  await eventually(() => expect(attempts.mock.calls.length).toBeGreaterThan(200));
  expect([...texts].sort()).toEqual([...new Set(texts)].sort());
  expect(texts).toContain('a room cannot be compared with its log yet');
  expect(texts).toContain('a departure is not stored yet');
  expect(texts).toContain('redis: the user in REDIS_URL lacks a right');
});
