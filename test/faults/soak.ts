import { createRandom } from '../../src/load/random.ts';
import { FULL, runFault } from './fault-run.ts';
import { judge } from './judge.ts';
import { randomMix } from './plans.ts';
import { lineOf, problemsOf, type Row } from './report.ts';
import { openStage } from './stage.ts';

const ROUND_MINUTES = 2;

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/**
 * All faults at random on one system that is never started afresh; answers whether all was clean. Each round has
 * rooms of its own and is checked by itself, so that memory does not limit the time.
 */
export async function runSoak({ minutes, seed, say }: SoakOptions): Promise<boolean> {
  const endAt = performance.now() + minutes * 60_000;
  const random = createRandom(seed);
  const stage = await openStage('roomcast');
  let clean = true;
  try {
    for (let round = 1; performance.now() < endAt; round += 1) {
      const left = Math.min(ROUND_MINUTES, (endAt - performance.now()) / 60_000);
      const outcome = await runFault(stage, randomMix(left), FULL, random, `round-${round}`);
      const row: Row = { outcome, judgement: judge(outcome.records, outcome.finals) };
      say(`round ${round}: ${lineOf(row)}`);
      for (const problem of problemsOf(row)) {
        clean = false;
        say(`  ${problem}`);
      }
    }
  } finally {
    await stage.stop();
  }
  return clean;
}
