import { embeddedHarness } from './embedded-harness.ts';
import { backendContract } from './suite.ts';

backendContract('embedded', embeddedHarness);
