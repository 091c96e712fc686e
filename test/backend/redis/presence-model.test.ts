import { redisHarness } from '../../contract/redis-harness.ts';
import { presenceModel } from '../presence-runs.ts';

presenceModel('redis', redisHarness, 10);
