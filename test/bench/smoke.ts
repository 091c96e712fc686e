import { expect } from 'vitest';
import type { Case } from './case.ts';
import { runCase } from './rounds.ts';
import { provenance, type Row } from './rows.ts';
import { systemNamed } from './systems/all.ts';

/** Runs a benchmark small and short: not for its figures, only to see that every message came, in order and once. */
export async function smoke(one: Case): Promise<readonly Row[]> {
  const said: string[] = [];
  const scale = { size: 'tiny', only: {} } as const;
  const rows = await runCase(one, { scale, rounds: 1, say: (line) => void said.push(line) }, provenance([]));
  const wanted = new Set(one.scenes(scale).flatMap(({ systems }) => systems));
  for (const system of wanted) if (systemNamed(system).missing?.() !== undefined) wanted.delete(system);
  expect(rows.flatMap(({ system, failed }) => failed.map((words) => `${system}: ${words}`))).toEqual([]);
  expect(new Set(rows.map(({ system }) => system))).toEqual(wanted);
  for (const { runs, values } of rows) {
    expect(runs).toBe(1);
    expect(Object.values(values).every(({ median }) => Number.isFinite(median))).toBe(true);
  }
  // A figure that no system has is a mistake in a name.
  const found = new Set(rows.flatMap(({ values }) => Object.keys(values)));
  const optional = ['letGoAfterS'];
  const named = one.figures.map(({ value }) => value).filter((value) => !optional.includes(value));
  expect(named.filter((value) => !found.has(value))).toEqual([]);
  return rows;
}
