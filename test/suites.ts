export interface Suite {
  readonly name: string;
  readonly include: string[];
  readonly exclude?: string[];
  /** Without it, as many as the machine has cores. */
  readonly filesAtOnce?: number;
}

/** These load every core themselves: beside other tests they would measure those. */
const ALONE = ['overload', 'slow-clients', 'bench'].map((name) => `test/system/${name}.test.ts`);

/** Tests of a backend's implementation that start a store. */
const STORES = 'test/backend/*/**/*.test.ts';

/** The suites in the order they run: first what fails fast, last what needs every process. */
export const SUITES: readonly Suite[] = [
  {
    name: 'unit',
    include: [
      'test/*.test.ts',
      'test/{client,faults,load,config,protocol,chat,cluster,backend,server,cli,page,repository}/**/*.test.ts',
    ],
    exclude: [STORES],
  },
  { name: 'backend', include: [STORES], filesAtOnce: 2 },
  { name: 'contract', include: ['test/contract/**/*.test.ts'], filesAtOnce: 2 },
  // A file that starts servers mostly waits for them, so two at a time.
  { name: 'system', include: ['test/system/**/*.test.ts'], exclude: ALONE, filesAtOnce: 2 },
  { name: 'alone', include: ALONE, filesAtOnce: 1 },
  { name: 'seeds', include: ['test/seeds/**/*.test.ts'], filesAtOnce: 2 },
  // A browser takes both cores of the smallest machine.
  { name: 'browser', include: ['test/browser/**/*.test.ts'], filesAtOnce: 1 },
  { name: 'nightly', include: ['test/nightly/**/*.test.ts'], filesAtOnce: 1 },
];
