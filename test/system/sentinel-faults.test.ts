import { describe, it } from 'vitest';
import { shortRuns } from '../faults/short-runs.ts';

describe('under 200 messages a second on 2 hosts × 2 workers, with ACK_REPLICAS=1', () => {
  const { loseNothing } = shortRuns('sentinel-acks');

  it('a failover loses, repeats, swaps and leaks no acked message, though the replica was behind', () =>
    loseNothing('master-kill-behind'));
});
