import { defineConfig } from 'vitest/config';
import { SUITES } from './suites.ts';
import LongestFirst from './support/longest-first.ts';
import { openTemporaryFolder } from './support/temporary-folder.ts';

/** The nightly suite takes twenty minutes and more: it runs only when it is named. */
const nightly = process.argv.some((word) => /^(--project=)?nightly$/.test(word));

process.env.TMPDIR = openTemporaryFolder();

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    // Two runs beside each other would write its one file, and Vitest ends when it reads half of it.
    cache: false,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './test/support/tally-reporter.ts'],
    projects: SUITES.filter(({ name }) => nightly || name !== 'nightly').map(
      ({ name, include, exclude = [], group, filesAtOnce, sharesModules = false }) => ({
        extends: true,
        test: {
          name,
          include,
          exclude,
          pool: 'forks',
          isolate: !sharesModules,
          ...(filesAtOnce === undefined ? {} : { maxWorkers: filesAtOnce }),
          fileParallelism: filesAtOnce !== 1,
          // These limits only end what hangs: a busy machine takes twenty times as long as a quiet one.
          testTimeout: group === 0 ? 60_000 : 240_000,
          hookTimeout: 240_000,
          // Vitest's own is one second.
          expect: { poll: { timeout: 50_000 } },
          sequence: { groupOrder: group },
        },
      }),
    ),
  },
});
