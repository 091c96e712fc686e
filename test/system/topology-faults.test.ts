import { describe, it } from 'vitest';
import { shortRuns } from '../faults/short-runs.ts';

describe('under 200 messages a second on 2 hosts × 2 workers over a Redis Cluster', () => {
  const { loseNothing } = shortRuns('cluster');

  it('nothing is lost, repeated, swapped or leaked while a master hands over to its replica', () =>
    loseNothing('cluster-demotion'));
});

describe('under 200 messages a second on 2 hosts × 2 workers over three Redis servers', () => {
  const { loseNothing } = shortRuns('servers');

  it('nothing is lost, repeated, swapped or leaked while one is killed and comes back', () =>
    loseNothing('servers-kill'));
});
