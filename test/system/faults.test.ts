import { describe, it } from 'vitest';
import { shortRuns } from '../faults/short-runs.ts';

/* One fault of each kind. The nightly suite has them all, in longer runs. */

describe('under 200 messages a second through nginx on 2 hosts × 2 workers', () => {
  const { loseNothing, reportLosses } = shortRuns();

  it.each([
    ['clients are cut and resume', 'client-cuts'],
    ['Redis is frozen', 'redis-freeze'],
    ['Redis is killed and comes back with its data', 'redis-restart'],
  ])('nothing is lost, repeated, swapped or leaked while %s', (_what, fault) => loseNothing(fault));

  it('a Redis that is restored from an older copy begins a new epoch, tells everybody and puts nothing out of order', () =>
    reportLosses('older-redis'));
});
