export interface Suite {
  readonly name: string;
  readonly include: string[];
  readonly exclude?: string[];
  /** Suites of one group run side by side, groups one after the other. */
  readonly group: number;
  /** In this suite and the others of its group; without it, one less than the machine has cores. */
  readonly filesAtOnce?: number;
  /** The files of one process share its modules: loading them for each file alone takes longer than its tests. */
  readonly sharesModules?: true;
}

/** These load every core themselves: beside other tests they would measure those. */
const ALONE = ['overload', 'slow-clients', 'bench', 'answers'].map((name) => `test/system/${name}.test.ts`);

/** Tests of a backend's implementation that start a store. */
const STORES = 'test/backend/*/**/*.test.ts';

/**
 * A file that starts servers waits for them, and for the times that the contract promises, in almost half of its time: so
 * four at a time fit on two cores.
 */
const WITH_SERVERS = { group: 1, filesAtOnce: 4 };

/** The files that take half a minute and more, the longest first. */
export const LONGEST = [
  'contract/redis',
  'system/redis-faults',
  'system/faults',
  'system/counts',
  'seeds/s3-rooms',
  'system/cli-explain',
  'system/worker-faults',
  'system/load',
  'system/tokens',
  'system/start',
  'system/releases',
  'system/topology-faults',
  'system/front-door',
  'system/rooms',
  'system/doctor',
  'seeds/s0-notifications',
  'system/api',
  'system/presence',
  'system/presence-events',
  'system/redis-refuses-writes',
  'seeds/s4-nicknames',
  'system/restart',
  'system/move',
  'system/reload',
  'system/textmsg',
  'system/client',
  'seeds/s2-namespaces',
  'system/seam',
  'contract/embedded',
  'system/moderation',
  'system/metrics',
  'system/sentinel-faults',
  'seeds/devices',
  'system/other-clients',
  'system/events',
  'backend/redis/cluster',
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
    // Vitest would leave one of two cores to itself, and needs little of it.
    filesAtOnce: 2,
    sharesModules: true,
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
