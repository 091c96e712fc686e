import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runAll } from './all.ts';
import type { RunOutcome } from './fault-run.ts';
import { mergedTable, tableOf } from './fault-table.ts';
import type { Plan } from './plan.ts';
import { rowOf } from './report.ts';
import { TOPOLOGY_PLANS } from './topology-plans.ts';

const [FIRST, SECOND, THIRD] = TOPOLOGY_PLANS as [Plan, Plan, Plan];

/** Nobody said anything in this run, and one connection was lost. */
function outcomeOf(plan: Plan, flowsAgainMs: number): RunOutcome {
  const none = { retries: 0, refused: 0, duplicateAcks: 0, repeatsDropped: 0, unrecovered: 0 };
  const felt = { connectionsLost: 1, falsePresence: 0, unheardPresence: 0, bites: 0, repairs: 0, late: 0 };
  const left = { deaf: 0, pending: 0, away: 0, unexpectedExits: 0, errorLines: [] };
  return {
    plan,
    records: [],
    finals: [],
    flowsAgainMs,
    effects: { ...none, ...felt },
    maxRssBytes: 0,
    ...left,
  };
}

const rowsIn = (table: string) => table.split('\n').slice(2);

it('a row that is made anew replaces its fault’s in the table, and the others stay in their order', () => {
  const made = (plan: Plan, flowsAgainMs: number) => rowOf(outcomeOf(plan, flowsAgainMs));
  const earlier = tableOf([made(THIRD, 3_000), { unfinished: SECOND }, made(FIRST, 1_000)]);
  const [third, , first] = rowsIn(earlier);
  const [second] = rowsIn(tableOf([made(SECOND, 2_000)]));
  const merged = mergedTable(earlier, [made(SECOND, 2_000)], TOPOLOGY_PLANS);
  expect(rowsIn(merged)).toEqual([first, second, third]);
  expect(merged.split('\n').slice(0, 2)).toEqual(earlier.split('\n').slice(0, 2));
  expect(rowsIn(mergedTable('', [made(SECOND, 2_000)], TOPOLOGY_PLANS))).toEqual([second]);
});

it('a fault that cannot be played to its end has a row that says so, and the faults after it are played', async () => {
  const said: string[] = [];
  const clean = await runAll({
    seed: 1,
    only: [FIRST.name, SECOND.name],
    stock: false,
    readme: false,
    say: (line) => said.push(line),
    play: async (_kind, plan) => {
      if (plan === FIRST) throw new Error('no host starts');
      return outcomeOf(plan, 2_000);
    },
  });
  expect(clean).toBe(false);
  const text = said.join('\n');
  expect(text).toContain(`| ${FIRST.title} (did not end) | `);
  expect(text).toContain(tableOf([rowOf(outcomeOf(SECOND, 2_000))]).split('\n')[2]);
  expect(said).toContain(`${FIRST.name}: the run of roomcast did not end: no host starts`);
});

it('keeps the records of a run in which something was wrong, in a folder that it makes', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'fault-records-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  const keep = join(parent, 'kept');
  await runAll({
    seed: 1,
    only: [FIRST.name],
    stock: false,
    readme: false,
    keep,
    say: () => undefined,
    play: async (_kind, plan) => outcomeOf(plan, 60_000),
  });
  const kept = await readFile(join(keep, `${FIRST.name}-1.json`), 'utf8');
  expect(JSON.parse(kept)).toEqual({ records: [], finals: [] });
});
