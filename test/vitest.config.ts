import { defineConfig } from 'vitest/config';

/** What a machine does that is busy with all of it is what these look at: beside others they would look at those. */
const ALONE = ['overload', 'slow-clients', 'bench'].map((name) => `test/system/${name}.test.ts`);

/** Suites in the order they run: what is quick to fail comes first, what needs every process last. */
const SUITES = [
  {
    name: 'unit',
    include: [
      'test/*.test.ts',
      'test/{client,faults,load,config,protocol,chat,cluster,backend,server,cli,page,repository}/**/*.test.ts',
    ],
  },
  { name: 'contract', include: ['test/contract/**/*.test.ts'] },
  { name: 'system', include: ['test/system/**/*.test.ts'], exclude: ALONE },
  { name: 'alone', include: ALONE },
  { name: 'seeds', include: ['test/seeds/**/*.test.ts'] },
  { name: 'browser', include: ['test/browser/**/*.test.ts'] },
];

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    reporters: ['default', './test/support/tally-reporter.ts'],
    projects: SUITES.map(({ name, include, exclude = [] }, groupOrder) => ({
      extends: true,
      test: {
        name,
        include,
        exclude,
        pool: 'forks',
        // Files that start servers mostly wait for them, so two at a time; a browser takes what two cores have.
        fileParallelism: name !== 'browser' && name !== 'alone',
        ...(name === 'unit' ? {} : { maxWorkers: 2 }),
        testTimeout: name === 'unit' ? 10_000 : 120_000,
        hookTimeout: 60_000,
        sequence: { groupOrder },
      },
    })),
  },
});
