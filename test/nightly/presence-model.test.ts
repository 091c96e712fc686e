import { presenceModel } from '../backend/presence-runs.ts';
import { embeddedHarness } from '../contract/embedded-harness.ts';
import { redisHarness } from '../contract/redis-harness.ts';
import { casesOf } from '../support/seed.ts';

/** PRESENCE_RUNS asks for more. */
const RUNS = Number(process.env.PRESENCE_RUNS ?? 50);

presenceModel('embedded', embeddedHarness, { runs: RUNS, cases: casesOf() });
presenceModel('redis', redisHarness, { runs: RUNS, cases: casesOf() });
