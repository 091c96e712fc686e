import { rm } from 'node:fs/promises';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { MIN_FREE_BYTES } from '../../../src/backend/embedded/disk-space.ts';
import { createStore, type Store, type StoreDeps } from '../../../src/backend/embedded/store.ts';
import { openTables, type Tables } from '../../../src/backend/embedded/tables.ts';
import { makeDataDir } from '../../contract/embedded-harness.ts';

export const RULES = {
  historySize: 100,
  historyTtlS: 86_400,
  inboxSize: 20,
  inboxTtlS: 172_800,
  dedupeTtlS: 600,
  rateAdmit: 0,
};

/** Tables on disk, and stores over them with a clock and a disk of the test's. */
export interface EmbeddedStore {
  readonly tables: Tables;
  readonly published: number[];
  readonly clock: { now: number; stepMs: number };
  readonly disk: { free: number };
  open(change?: Partial<StoreDeps>): Store;
}

export async function storeForTest(): Promise<EmbeddedStore> {
  const dataDir = await makeDataDir();
  const disk = { free: MIN_FREE_BYTES };
  const tables = openTables(dataDir, { freeBytes: () => disk.free });
  const stores: Store[] = [];
  onTestFinished(async () => {
    for (const store of stores) await store.close();
    await tables.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const clock = { now: 1_700_000_000_000, stepMs: 0 };
  const published: number[] = [];
  return {
    tables,
    published,
    clock,
    disk,
    open(change) {
      const store = createStore({
        tables,
        rules: RULES,
        publish: (all) => published.push(...all.map(({ entry }) => entry.seq)),
        now: () => clock.now + clock.stepMs,
        elapsedMs: () => clock.now,
        log: pino({ level: 'silent' }),
        ...change,
      });
      stores.push(store);
      return store;
    },
  };
}
