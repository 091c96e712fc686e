import type { WrongCounts } from './checker/live/findings.ts';
import type { LoadConfig, Phase, SecondFigures, ServerShare, Totals } from './result.ts';

/** The state of a run for a display, once a second. */
export interface LoadProgress {
  readonly config: LoadConfig;
  /** With `--vs`, the server that the figures are of. */
  readonly contender?: 'A' | 'B';
  readonly phase: Phase;
  /** Since the first connection. */
  readonly atMs: number;
  /** The time that ramp and load are to take; waiting for what is under way comes on top. */
  readonly plannedMs: number;
  readonly second: SecondFigures;
  /** Since the run began. */
  readonly totals: Totals;
  readonly wrong: WrongCounts;
  readonly servers: readonly ServerShare[];
  /** With `--steps`, the rate that is offered now. */
  readonly offeredPerS: number;
}
