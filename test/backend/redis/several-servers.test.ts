import { expect, it, onTestFinished } from 'vitest';
import { openPeer, redisForTest } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { slowConnectionForTest } from './slow-connection.ts';

it('replaces the subscriber that a healthy server leaves deaf while another server is away', async () => {
  const [away, healthy] = [await redisForTest(), await redisForTest()];
  const proxy = await slowConnectionForTest(healthy.port, 0);
  const peer = await openPeer({ redisUrls: [away.url, proxy.url] });
  onTestFinished(() => peer.close());
  await eventually(async () => expect((await peer.bus.probe()).ok).toBe(true));
  await away.stop();
  await eventually(async () => expect((await peer.check()).ok).toBe(false));
  const before = proxy.accepted();
  proxy.withholdMessages();
  await eventually(async () => {
    expect(await peer.check()).toMatchObject({ error: { code: 'unavailable' } });
    expect(proxy.accepted()).toBeGreaterThan(before);
  });
});
