import { embeddedHarness } from '../../contract/embedded-harness.ts';
import { casesOf } from '../../support/seed.ts';
import { messageModel } from '../message-runs.ts';

messageModel('embedded', embeddedHarness, { steps: 240, cases: casesOf([{ seed: 17 }, { seed: 18 }]) });
