import { redisClusterHarness } from './redis-harness.ts';
import { backendContract } from './suite.ts';

backendContract('redis cluster', redisClusterHarness);
