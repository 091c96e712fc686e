import { describe, expect, it } from 'vitest';
import { CASES } from '../bench/cases/all.ts';
import { runCase } from '../bench/rounds.ts';
import { provenance } from '../bench/rows.ts';
import { systemNamed } from '../bench/systems/all.ts';

/** Small and short: what it costs is not looked at here, only that everything said came, in order and once. */
describe('each benchmark, tiny', () => {
  for (const one of CASES) {
    it(`starts every system of ${one.name} and misses no message`, async () => {
      const said: string[] = [];
      const scale = { size: 'tiny', only: {} } as const;
      const rows = await runCase(
        one,
        { scale, rounds: 1, say: (line) => void said.push(line) },
        provenance([]),
      );
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
    });
  }
});
