import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  crowd,
  enterByEagerWebSocket,
  enterByPolling,
  enterByWebSocket,
} from '../system/front-door-client.ts';
import { type Cluster, startCluster } from '../system/front-door-start.ts';

describe('the front door', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.process.kill('SIGKILL'));

  test.each([
    [2_000, 'WebSocket connects', enterByWebSocket],
    [2_000, 'WebSocket connects whose first packet follows the upgrade at once', enterByEagerWebSocket],
    [1_000, 'connects by polling with a later upgrade', enterByPolling],
  ])('loses none of %d %s', async (count, _what, enter) => {
    expect(await crowd(count, 50, () => enter(cluster.front))).toEqual([]);
  });
});
