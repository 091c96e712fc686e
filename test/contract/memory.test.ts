import { memoryHarness } from './memory-harness.ts';
import { storeContract } from './suite.ts';

storeContract('in-memory', memoryHarness);
