import { presenceModel } from '../backend/presence-runs.ts';
import { embeddedHarness } from '../contract/embedded-harness.ts';
import { redisHarness } from '../contract/redis-harness.ts';
import { seedOf } from '../support/seed.ts';

/** PRESENCE_RUNS asks for more. */
const RUNS = Number(process.env.PRESENCE_RUNS ?? 50);

presenceModel('embedded', embeddedHarness, { runs: RUNS, seed: seedOf() });
presenceModel('redis', redisHarness, { runs: RUNS, seed: seedOf() });
