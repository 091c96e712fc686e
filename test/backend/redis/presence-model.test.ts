import { redisHarness } from '../../contract/redis-harness.ts';
import { casesOf } from '../../support/seed.ts';
import { presenceModel } from '../presence-runs.ts';

const CASES = casesOf([
  // A dead worker is reaped twice, and a word of it arrives after each.
  { seed: 1701732165 },
]);

presenceModel('redis', redisHarness, { runs: 5, cases: CASES });
