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
const ALONE = ['overload', 'slow-clients', 'bench'].map((name) => `test/system/${name}.test.ts`);

/** Tests of a backend's implementation that start a store. */
const STORES = 'test/backend/*/**/*.test.ts';

/**
 * A file that starts servers waits for them, and for the times that the contract promises, in almost half of its time: three
 * at a time keep two cores busy, and four are refused what they ask for now and then.
 */
const WITH_SERVERS = { group: 1, filesAtOnce: 3, sharesModules: true } as const;

/**
 * The files that take 17 s and more on two cores, the longest first. Before them are those that hold promises against faults: they
 * need little of the machine, and each other's company leaves it to them.
 */
export const LONGEST = [
  'contract/redis',
  'system/faults',
  'system/topology-faults',
  'system/sentinel-faults',
  'system/fuzz',
  'seeds/s3-rooms',
  'system/load',
  'system/cli-explain',
  'system/releases',
  'system/counts',
  'system/tokens',
  'system/limits',
  'system/hooks',
  'system/presence-events',
  'system/front-door',
  'seeds/s4-nicknames',
  'system/presence',
  'system/rooms',
  'backend/redis/cluster',
  'contract/embedded',
  'system/seam',
  'system/api',
  'system/worker-faults',
  'system/start',
  'system/redis-refuses-writes',
  'system/client',
  'seeds/s0-notifications',
  'system/answers',
  'system/textmsg',
  'system/package',
  'seeds/devices',
  'system/other-clients',
  'seeds/s1-push',
  'system/order',
  'system/load-dialects',
  'system/protocol-rules',
  'system/move',
  'system/between-people',
  'system/events',
  'system/reload',
  'seeds/s2-namespaces',
  'system/moderation',
  'system/load-servers',
  'system/mention-faults',
  'system/doctor',
  'system/metrics',
  'system/bench-driver',
  'backend/redis/primary',
  'seeds/security',
  'backend/redis/lost-messages',
  'system/leaks',
  'system/fan-out',
];

/** Vitest would leave one of two cores to itself, and needs little of it. */
const WITHOUT_SERVERS = { group: 0, filesAtOnce: 2, sharesModules: true } as const;

/** First what fails fast, last what needs the whole machine. */
export const SUITES: readonly Suite[] = [
  {
    name: 'unit',
    include: [
      'test/*.test.ts',
      'test/{client,faults,load,config,protocol,chat,cluster,backend,server,cli,page,operator,host-view}/**/*.test.ts',
    ],
    exclude: [STORES],
    ...WITHOUT_SERVERS,
  },
  // These hold for the files of this repository, whichever Node runs them.
  { name: 'repository', include: ['test/repository/**/*.test.ts'], ...WITHOUT_SERVERS },
  { name: 'backend', include: [STORES], ...WITH_SERVERS },
  { name: 'contract', include: ['test/contract/**/*.test.ts'], ...WITH_SERVERS },
  { name: 'system', include: ['test/system/**/*.test.ts'], exclude: ALONE, ...WITH_SERVERS },
  { name: 'seeds', include: ['test/seeds/**/*.test.ts'], ...WITH_SERVERS },
  { name: 'alone', include: ALONE, group: 2, filesAtOnce: 1 },
  // A browser takes both cores of the smallest machine.
  { name: 'browser', include: ['test/browser/**/*.test.ts'], group: 3, filesAtOnce: 1 },
  { name: 'nightly', include: ['test/nightly/**/*.test.ts'], group: 4, filesAtOnce: 1 },
];
