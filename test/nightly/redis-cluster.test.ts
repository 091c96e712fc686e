import { redisClusterHarness } from '../contract/redis-harness.ts';
import { backendContract } from '../contract/suite.ts';

backendContract('redis cluster', redisClusterHarness);
