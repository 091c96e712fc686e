import { severalServersHarness } from './redis-harness.ts';
import { backendContract } from './suite.ts';

backendContract('three redis servers', severalServersHarness);
