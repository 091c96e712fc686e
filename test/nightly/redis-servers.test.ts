import { severalServersHarness } from '../contract/redis-harness.ts';
import { backendContract } from '../contract/suite.ts';

backendContract('three redis servers', severalServersHarness);
