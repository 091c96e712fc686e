import { redisHarness } from './redis-harness.ts';
import { backendContract } from './suite.ts';

backendContract('redis', redisHarness);
