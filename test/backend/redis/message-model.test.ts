import { redisHarness } from '../../contract/redis-harness.ts';
import { casesOf } from '../../support/seed.ts';
import { messageModel } from '../message-runs.ts';

messageModel('Redis', redisHarness, { steps: 240, cases: casesOf([{ seed: 17 }, { seed: 18 }]) });
