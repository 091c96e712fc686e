import { expect, it } from 'vitest';
import type { ListedInstance, SilentInstances } from '../../../src/backend/redis/presence/instances.ts';
import { createLiveInstances } from '../../../src/backend/redis/presence/live-instances.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { granted } from '../../contract/peers.ts';

const DEAD = { alive: false, reaped: false, vouchedFor: false, silentMs: 9_000, lastHeartbeatAtMs: 1 };

/** A store that lists some instances, in a time of the test's. */
function setUp() {
  let elapsedMs = 0;
  const store = {
    listed: new Set<string>(),
    fenced: new Set<string>(),
    isAway: false,
    looked: [] as string[],
    reads: 0,
  };
  const away = refuse('unavailable', 'the store is away', 1_000);
  const living = createLiveInstances(
    {
      async silent() {
        store.reads += 1;
        if (store.isAway) return away;
        const instances = [...store.fenced].map(
          (instanceId): ListedInstance => ({
            ...DEAD,
            instanceId,
            expired: false,
            lease: '',
            clients: 0,
            host: 'one',
          }),
        );
        return succeed<SilentInstances>({ instances, storeNowMs: 1_000, term: 'run -1 id' });
      },
      async listed(instanceIds) {
        store.looked.push(...instanceIds);
        if (store.isAway) return away;
        return succeed(instanceIds.filter((one) => store.listed.has(one)));
      },
    },
    () => elapsedMs,
  );
  const alive = async (...asked: string[]) => {
    const states = granted(await living.statesOf(asked));
    return asked.filter((one) => states.get(one)?.alive);
  };
  return { store, alive, living, pass: (ms: number) => (elapsedMs += ms) };
}

it('looks an instance up once, and reads who does not live once a second', async () => {
  const { store, alive, pass } = setUp();
  store.listed.add('a').add('b');
  for (let second = 0; second < 10; second += 1) {
    expect(await alive('a', 'b')).toEqual(['a', 'b']);
    expect(await alive('b')).toEqual(['b']);
    pass(1_000);
  }
  expect(store.looked).toEqual(['a', 'b']);
  // One more for the look-up.
  expect(store.reads).toBe(11);
});

it('finds an instance dead that was fenced, and one that was listed no more after that', async () => {
  const { store, alive, living, pass } = setUp();
  store.listed.add('a').add('b');
  store.fenced.add('b');
  expect(await alive('a', 'b')).toEqual(['a']);
  store.fenced.add('a');
  living.forget();
  expect(await alive('a', 'b')).toEqual([]);
  // It is fenced before it is looked up for the first time.
  store.listed.add('c');
  store.fenced.add('c');
  expect(await alive('c')).toEqual([]);
  store.fenced.clear();
  store.listed.clear();
  pass(1_000);
  expect(await alive('a', 'b', 'c')).toEqual([]);
});

it('looks all up again if it has not read for so long that one may have been fenced and forgotten meanwhile', async () => {
  const { store, alive, pass } = setUp();
  store.listed.add('a').add('b');
  expect(await alive('a', 'b')).toEqual(['a', 'b']);
  store.listed.delete('b');
  pass(6_000);
  expect(await alive('a', 'b')).toEqual(['a']);
});

it('takes all for what they were while the store is away, and new ones for alive', async () => {
  const { store, alive, pass } = setUp();
  expect(await alive('never listed')).toEqual([]);
  store.listed.add('a').add('b').add('c');
  store.fenced.add('b');
  pass(1_000);
  expect(await alive('a', 'b')).toEqual(['a']);
  store.isAway = true;
  pass(60_000);
  expect(await alive('a', 'b', 'c')).toEqual(['a', 'c']);
  store.isAway = false;
  store.fenced.add('a');
  pass(1_000);
  expect(await alive('a', 'b', 'c')).toEqual(['c']);
});
