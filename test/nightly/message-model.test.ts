import { messageModel } from '../backend/message-runs.ts';
import { embeddedHarness } from '../contract/embedded-harness.ts';
import { redisHarness } from '../contract/redis-harness.ts';
import { seedOf } from '../support/seed.ts';

/** MESSAGE_RUNS asks for more. */
const RUNS = Number(process.env.MESSAGE_RUNS ?? 30);

const SEED = seedOf();
const CASES = Array.from({ length: RUNS }, (_, run) => ({ seed: SEED + run }));

messageModel('embedded', embeddedHarness, { steps: 600, cases: CASES });
messageModel('Redis', redisHarness, { steps: 600, cases: CASES });
