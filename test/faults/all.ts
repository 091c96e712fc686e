import { createRandom } from '../../src/load/random.ts';
import { FULL, type RunOutcome, runFault } from './fault-run.ts';
import { BUILD_PLANS } from './operation-plans.ts';
import type { Plan } from './plan.ts';
import { FAILOVERS, LOSSES, NO_FAULT, PLANS, randomMix } from './plans.ts';
import { lineOf, problemsOf, type Row, rowOf, tableOf, updateReadme } from './report.ts';
import { type Kind, openStage } from './stage.ts';
import { checkStock } from './stock-check.ts';
import { clusterFailoverBehind, TOPOLOGY_PLANS } from './topology-plans.ts';

const MIX_MINUTES = 2;
/** The faults of the table, in its order. */
export const TABLE: readonly Plan[] = [
  NO_FAULT,
  ...PLANS,
  ...BUILD_PLANS,
  ...FAILOVERS,
  ...TOPOLOGY_PLANS,
  randomMix(MIX_MINUTES),
];
const ALL_LOSSES = [...LOSSES, clusterFailoverBehind];
/** Every fault there is. */
export const ALL_FAULTS: readonly Plan[] = [...TABLE, ...ALL_LOSSES];
/** What is promised after every fault. */
const FLOWS_TARGET_MS = 5_000;

export interface AllOptions {
  readonly seed: number;
  /** Names of plans; all without it. */
  readonly only?: readonly string[];
  /** The same runs against the stock chat beside it. */
  readonly stock: boolean;
  readonly readme: boolean;
  readonly say: (line: string) => void;
}

/** Every fault under steady load; answers whether all was clean. */
export async function runAll({ seed, only, stock: withStock, readme, say }: AllOptions): Promise<boolean> {
  const wanted = (plan: Plan) => only?.includes(plan.name) ?? true;
  const problems: string[] = [];
  const rows: Row[] = [];

  /** On a stage of its own, so that no row has to do with another. */
  async function play(kind: Kind, plan: Plan): Promise<RunOutcome> {
    const stage = await openStage(kind, plan);
    try {
      return await runFault(stage, plan, FULL, createRandom(seed), 'run');
    } finally {
      await stage.stop();
    }
  }

  function judged(outcome: RunOutcome): Row {
    const row = rowOf(outcome);
    say(lineOf(row));
    problems.push(...problemsOf(row));
    if (outcome.flowsAgainMs > FLOWS_TARGET_MS) {
      problems.push(`${outcome.plan.name}: flows again only after ${Math.round(outcome.flowsAgainMs)} ms`);
    }
    return row;
  }

  for (const plan of TABLE.filter(wanted)) {
    const row = judged(await play('roomcast', plan));
    // The stock chat follows no Sentinel and has no build of ours.
    if (!withStock || plan.store || plan.changesBuild || plan.notForStock) {
      rows.push(row);
      continue;
    }
    const outcome = await play('stock', plan);
    const tally = checkStock(outcome.records);
    say(`  stock: ${Object.entries(tally).flat().join(' ')}`);
    rows.push({ ...row, stock: { outcome, tally } });
  }
  // Here acked messages are gone on purpose: no row of the table, whose promise is that none is.
  for (const plan of ALL_LOSSES.filter(wanted)) {
    const { judgement } = judged(await play('roomcast', plan));
    if (judgement.reportedLosses === 0) problems.push(`${plan.name}: nobody was told of a loss`);
  }

  say(`\n${tableOf(rows)}\n`);
  for (const problem of problems) say(problem);
  if (readme) await updateReadme(tableOf(rows));
  return problems.length === 0;
}
