import { embeddedHarness } from '../../contract/embedded-harness.ts';
import { presenceModel } from '../presence-runs.ts';

presenceModel('embedded', embeddedHarness, 10);
