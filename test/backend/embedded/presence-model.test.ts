import { embeddedHarness } from '../../contract/embedded-harness.ts';
import { casesOf } from '../../support/seed.ts';
import { presenceModel } from '../presence-runs.ts';

const CASES = casesOf([
  // A dead worker is reaped twice, and after each reap a late write of it arrives. It must bring nobody back.
  { seed: 1701732165 },
]);

presenceModel('embedded', embeddedHarness, { runs: 10, cases: CASES });
