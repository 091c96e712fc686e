import { describe, it } from 'vitest';
import { shortRuns } from '../faults/short-runs.ts';

describe('under 200 messages a second through nginx on 2 hosts × 2 workers', () => {
  const { loseNothing } = shortRuns();

  it.each([
    ['a worker is killed', 'worker-kill'],
    ['clients are cut and resume', 'client-cuts'],
  ])('nothing is lost, repeated, swapped or leaked while %s', (_what, fault) => loseNothing(fault));
});
