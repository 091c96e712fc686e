export interface Suite {
  readonly name: string;
  readonly include: string[];
  readonly exclude?: string[];
  /** Suites of one group run side by side, groups one after the other. */
  readonly group: number;
  /** In this suite and the others of its group; without it, as many as the machine has cores. */
  readonly filesAtOnce?: number;
}

/** These load every core themselves: beside other tests they would measure those. */
const ALONE = ['overload', 'slow-clients', 'bench'].map((name) => `test/system/${name}.test.ts`);

/** Tests of a backend's implementation that start a store. */
const STORES = 'test/backend/*/**/*.test.ts';

/** A file that starts servers mostly waits for them, so three at a time fit on two cores. */
const WITH_SERVERS = { group: 1, filesAtOnce: 3 };

/** The files that take half a minute and more, the longest first. */
export const LONGEST = [
  'system/faults',
  'system/redis-faults',
  'contract/redis',
  'system/tokens',
  'system/counts',
  'system/rooms',
  'seeds/s3-rooms',
  'system/presence',
  'system/start',
  'system/presence-events',
  'system/answers',
  'system/eio3',
  'browser/page',
];

/** First what fails fast, last what needs the whole machine. */
export const SUITES: readonly Suite[] = [
  {
    name: 'unit',
    include: [
      'test/*.test.ts',
      'test/{client,faults,load,config,protocol,chat,cluster,backend,server,cli,page,repository}/**/*.test.ts',
    ],
    exclude: [STORES],
    group: 0,
  },
  { name: 'backend', include: [STORES], ...WITH_SERVERS },
  { name: 'contract', include: ['test/contract/**/*.test.ts'], ...WITH_SERVERS },
  { name: 'system', include: ['test/system/**/*.test.ts'], exclude: ALONE, ...WITH_SERVERS },
  { name: 'seeds', include: ['test/seeds/**/*.test.ts'], ...WITH_SERVERS },
  { name: 'alone', include: ALONE, group: 2, filesAtOnce: 1 },
  // A browser takes both cores of the smallest machine.
  { name: 'browser', include: ['test/browser/**/*.test.ts'], group: 3, filesAtOnce: 1 },
  { name: 'nightly', include: ['test/nightly/**/*.test.ts'], group: 4, filesAtOnce: 1 },
];
