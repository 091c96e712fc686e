import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect } from 'vitest';
import { DATA_FILE } from '../../../src/backend/embedded/data-dir.ts';
import { createStore } from '../../../src/backend/embedded/store.ts';
import { openTables } from '../../../src/backend/embedded/tables.ts';
import { makeDataDir } from '../../contract/embedded-harness.ts';
import { KEPT, writeMessages } from '../bounded-rooms.ts';
import { RULES } from './store-for-test.ts';

/** The pages that a commit frees are used again two commits later; the file grows by some until then. */
const SLACK = 1.25;
const PORTIONS = 10;

/** Fills a few rooms and inboxes, writes so many further messages to them, and compares the size of the data file. */
export async function expectFlatDisk(messages: number): Promise<void> {
  const dataDir = await makeDataDir();
  const tables = openTables(dataDir);
  const clock = { now: 1_700_000_000_000 };
  const store = createStore({
    tables,
    rules: { ...RULES, historySize: KEPT, inboxSize: KEPT },
    publish: () => undefined,
    now: () => clock.now,
    elapsedMs: () => clock.now,
    log: pino({ level: 'silent' }),
  });
  /** Writes in portions of the time that a clientMsgId is remembered. */
  async function write(count: number): Promise<number> {
    for (let portion = 0; portion < PORTIONS; portion += 1) {
      await writeMessages(store.logs, count / PORTIONS);
      clock.now += RULES.dedupeTtlS * 1_000;
      await store.cleanUp();
    }
    return statSync(join(dataDir, DATA_FILE)).size;
  }
  try {
    const before = await write(messages);
    expect(await write(messages)).toBeLessThan(before * SLACK);
  } finally {
    await store.close();
    await tables.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}
