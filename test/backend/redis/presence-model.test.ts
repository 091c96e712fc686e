import { redisHarness } from '../../contract/redis-harness.ts';
import { seedOf } from '../../support/seed.ts';
import { presenceModel } from '../presence-runs.ts';

/** In this seed a dead worker is reaped twice, and a word of it arrives after each. */
const SEED = seedOf(1701732165);

presenceModel('redis', redisHarness, { runs: 10, seed: SEED });
