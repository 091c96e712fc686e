import { defineConfig } from 'vitest/config';
import { SUITES } from './suites.ts';

/** The nightly suite takes twenty minutes and more: it runs only when it is named. */
const nightly = process.argv.some((word) => /^(--project=)?nightly$/.test(word));

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    reporters: ['default', './test/support/tally-reporter.ts'],
    projects: SUITES.filter(({ name }) => nightly || name !== 'nightly').map(
      ({ name, include, exclude = [], group, filesAtOnce }) => ({
        extends: true,
        test: {
          name,
          include,
          exclude,
          pool: 'forks',
          ...(filesAtOnce === undefined ? {} : { maxWorkers: filesAtOnce }),
          fileParallelism: filesAtOnce !== 1,
          testTimeout: name === 'unit' ? 30_000 : 120_000,
          hookTimeout: 60_000,
          // Vitest's own second is too short for a server on a machine that is busy with other things.
          expect: { poll: { timeout: 20_000 } },
          sequence: { groupOrder: group },
        },
      }),
    ),
  },
});
