import { defineConfig } from 'vitest/config';

/** Suites in the order they run: what is quick to fail comes first, what needs every process last. */
const SUITES = [
  {
    name: 'unit',
    include: [
      'test/{client,faults,load,config,protocol,chat,cluster,backend,server,cli,page,repository}/**/*.test.ts',
    ],
  },
  { name: 'contract', include: ['test/contract/**/*.test.ts'] },
  { name: 'system', include: ['test/system/**/*.test.ts'] },
  { name: 'seeds', include: ['test/seeds/**/*.test.ts'] },
  { name: 'browser', include: ['test/browser/**/*.test.ts'] },
];

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    reporters: ['default', './test/support/tally-reporter.ts'],
    projects: SUITES.map(({ name, include }, groupOrder) => ({
      extends: true,
      test: {
        name,
        include,
        pool: 'forks',
        // Files that start servers mostly wait for them, so two at a time; a browser takes what two cores have.
        fileParallelism: name !== 'browser',
        ...(name === 'unit' ? {} : { maxWorkers: 2 }),
        testTimeout: name === 'unit' ? 10_000 : 120_000,
        hookTimeout: 60_000,
        sequence: { groupOrder },
      },
    })),
  },
});
