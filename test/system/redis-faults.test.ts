import { describe, it } from 'vitest';
import { shortRuns } from '../faults/short-runs.ts';

describe('under 200 messages a second through nginx on 2 hosts × 2 workers', () => {
  const { loseNothing, reportLosses } = shortRuns();

  it.each([
    ['is frozen', 'redis-freeze'],
    ['is killed and comes back with its data', 'redis-restart'],
  ])('nothing is lost, repeated, swapped or leaked while Redis %s', (_what, fault) => loseNothing(fault));

  it.each([
    ['is restored from an older copy', 'older-redis'],
    ['is replaced by an empty one', 'empty-redis'],
  ])('a Redis that %s begins a new epoch, tells everybody and puts nothing out of order', (_what, fault) =>
    reportLosses(fault),
  );
});
