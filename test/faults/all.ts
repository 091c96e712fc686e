import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '../../src/load/random.ts';
import { FULL, type RunOutcome, runFault } from './fault-run.ts';
import { type TableRow, tableOf, updateReadme } from './fault-table.ts';
import { BUILD_PLANS } from './operation-plans.ts';
import type { Plan } from './plan.ts';
import { FAILOVERS, LOSSES, NO_FAULT, PLANS, randomMix } from './plans.ts';
import { lineOf, problemsOf, type Row, rowOf } from './report.ts';
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
  /** The folder for the records of each run in which something was wrong. */
  readonly keep?: string;
  readonly say: (line: string) => void;
  /** Plays a plan on a stage of its own, so that no row has to do with another. */
  readonly play?: (kind: Kind, plan: Plan, seed: number) => Promise<RunOutcome>;
}

async function playOnStage(kind: Kind, plan: Plan, seed: number): Promise<RunOutcome> {
  const stage = await openStage(kind, plan);
  try {
    return await runFault(stage, plan, FULL, createRandom(seed), 'run');
  } finally {
    await stage.stop();
  }
}

/** Every fault under steady load; answers whether all was clean. After a plan that does not end, the others are played. */
export async function runAll(options: AllOptions): Promise<boolean> {
  const { seed, only, stock: withStock, readme, keep, say, play = playOnStage } = options;
  if (keep !== undefined) await mkdir(keep, { recursive: true });
  const wanted = (plan: Plan) => only?.includes(plan.name) ?? true;
  const problems: string[] = [];
  const rows: TableRow[] = [];

  async function outcomeOf(kind: Kind, plan: Plan): Promise<RunOutcome | undefined> {
    try {
      return await play(kind, plan, seed);
    } catch (error) {
      const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
      say(stack);
      problems.push(`${plan.name}: the run of ${kind} did not end: ${message}`);
      return undefined;
    }
  }

  async function judged(outcome: RunOutcome): Promise<Row> {
    const { plan, records, finals } = outcome;
    const row = rowOf(outcome);
    say(lineOf(row));
    const found = problemsOf(row);
    if (outcome.flowsAgainMs > FLOWS_TARGET_MS)
      found.push(`${plan.name}: flows again only after ${Math.round(outcome.flowsAgainMs)} ms`);
    problems.push(...found);
    if (keep !== undefined && found.length > 0)
      await writeFile(join(keep, `${plan.name}-${seed}.json`), JSON.stringify({ records, finals }));
    return row;
  }

  async function rowFor(plan: Plan): Promise<TableRow> {
    const outcome = await outcomeOf('roomcast', plan);
    if (!outcome) return { unfinished: plan };
    const row = await judged(outcome);
    // The stock chat follows no Sentinel and has no build of ours.
    if (!withStock || plan.store || plan.changesBuild || plan.notForStock) return row;
    const stock = await outcomeOf('stock', plan);
    if (!stock) return row;
    const tally = checkStock(stock.records);
    say(`  stock: ${Object.entries(tally).flat().join(' ')}`);
    return { ...row, stock: { outcome: stock, tally } };
  }

  for (const plan of TABLE.filter(wanted)) {
    rows.push(await rowFor(plan));
    if (readme) await updateReadme(rows, TABLE);
  }
  // Here acked messages are gone on purpose: no row of the table, whose promise is that none is.
  for (const plan of ALL_LOSSES.filter(wanted)) {
    const outcome = await outcomeOf('roomcast', plan);
    if (!outcome) continue;
    const { judgement } = await judged(outcome);
    if (judgement.reportedLosses === 0) problems.push(`${plan.name}: nobody was told of a loss`);
  }

  say(`\n${tableOf(rows)}\n`);
  for (const problem of problems) say(problem);
  return problems.length === 0;
}
