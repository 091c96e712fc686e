import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { open } from 'lmdb';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newestMeta, UnknownLayoutError, usedPages } from '../../../src/backend/embedded/data-pages.ts';
import { eraseFreedBytes, eraseFreedBytesOf } from '../../../src/backend/embedded/freed-bytes.ts';
import { holdFolder } from '../../../src/backend/embedded/lock.ts';
import { createOpenings } from '../../../src/backend/embedded/opening.ts';
import { createRandom } from '../../../src/load/random.ts';
import { makeDataDir } from '../../contract/embedded-harness.ts';
import { range } from '../../contract/peers.ts';
import { casesOf } from '../../support/seed.ts';

const OPTIONS = { noSubdir: false, overlappingSync: false, eventTurnBatching: false, maxDbs: 32 };
const TABLES = ['one', 'two'];
/** As built: it runs in a process of Node alone. */
const STORE_COPY = new URL('../../../dist/backend/embedded/store-copy.js', import.meta.url).href;

/** One at a time, in the order asked. */
function createTurns() {
  let last: Promise<void> = Promise.resolve();
  return {
    async take(): Promise<() => void> {
      const before = last;
      let release: () => void = () => undefined;
      last = new Promise((resolve) => {
        release = resolve;
      });
      await before;
      return release;
    },
  };
}

async function newFolder(): Promise<string> {
  const folder = await makeDataDir();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('values of any size, put and removed at random', () => {
  it.each(casesOf([{ seed: 1 }, { seed: 2 }]))(
    'are all there while what is gone is overwritten (seed $seed)',
    async ({ seed }) => {
      const random = createRandom(seed);
      const folder = await newFolder();
      const root = open({ path: folder, ...OPTIONS });
      const tables = TABLES.map((name) => root.openDB<string, number>(name, {}));
      const expected = tables.map(() => new Map<number, string>());
      let ids = 0;

      async function change(): Promise<void> {
        await root.batch(() => {
          for (const _ of range(0, random.below(40))) {
            const index = random.below(tables.length);
            const key = random.below(200);
            const [table, held] = [tables[index], expected[index]];
            if (random.chance(0.4)) {
              held?.delete(key);
              void table?.remove(key);
            } else {
              ids += 1;
              const length = random.chance(0.2) ? random.below(20_000) : random.below(300);
              const value = `value-${ids}-`.padEnd(20 + length, 'x');
              held?.set(key, value);
              void table?.put(key, value);
            }
          }
        });
      }

      const held = () => expected.map((values) => [...values].sort(([one], [other]) => one - other));
      const stored = () =>
        tables.map((table) => Array.from(table.getRange(), ({ key, value }) => [key, value]));
      for (const round of range(1, 120)) {
        await change();
        if (round % 8 > 0) continue;
        expect(await eraseFreedBytes(folder)).toBeGreaterThan(0);
        const inFile = readFileSync(join(folder, 'data.mdb'), 'latin1').match(/value-\d+-/g);
        const values = expected.flatMap((one) => [...one.values()].map((value) => value.split('x')[0]));
        expect([...new Set(inFile)].sort()).toEqual(values.sort());
        expect(stored()).toEqual(held());
      }
      expect(await eraseFreedBytes(folder)).toBe(0);
      await root.close();
      const again = open({ path: folder, ...OPTIONS });
      const reopened = TABLES.map((name) => again.openDB<string, number>(name, {}));
      expect(reopened.map((table) => Array.from(table.getRange(), ({ key, value }) => [key, value]))).toEqual(
        held(),
      );
      await again.close();
    },
  );
});

it('a process that overwrites is killed at any time, while values are put and removed, and nothing is lost', async () => {
  const { eraseFreedApart } = (await import(
    STORE_COPY
  )) as typeof import('../../../src/backend/embedded/store-copy.ts');
  const random = createRandom(3);
  const folder = await newFolder();
  const root = open<string, number>({ path: folder, ...OPTIONS });
  onTestFinished(() => root.close());
  const expected = new Map<number, string>();
  let ended = false;
  const turns = createTurns();
  const lock = await holdFolder(folder, createOpenings({ hold: turns.take, log: pino({ level: 'silent' }) }));
  onTestFinished(() => lock.release());

  async function change(): Promise<void> {
    for (let id = 1; !ended; id += 1) {
      const release = await turns.take();
      await root.batch(() => {
        for (const _ of range(1, 30)) {
          const key = random.below(500);
          const value = `value-${id}-`.padEnd(20 + random.below(random.chance(0.2) ? 20_000 : 300), 'x');
          if (random.chance(0.4)) expected.delete(key);
          else expected.set(key, value);
          void (expected.has(key) && expected.get(key) === value ? root.put(key, value) : root.remove(key));
        }
      });
      release();
    }
  }

  const changing = change();
  let finished = 0;
  for (const round of range(1, 8)) {
    const kill = new AbortController();
    const erasing = eraseFreedApart(folder, kill.signal);
    // The even ones may come to their end.
    if (round % 2) await delay(100 + random.below(300)).then(() => kill.abort());
    if ((await erasing) !== undefined && !kill.signal.aborted) finished += 1;
  }
  ended = true;
  await changing;
  root.resetReadTxn();
  const sorted = [...expected].sort(([one], [other]) => one - other);
  expect(Array.from(root.getRange(), ({ key, value }) => [key, value])).toEqual(sorted);
  await root.close();
  const again = open<string, number>({ path: folder, ...OPTIONS });
  expect(Array.from(again.getRange(), ({ key, value }) => [key, value])).toEqual(sorted);
  await again.close();
  expect(finished).toBeGreaterThan(0);
});

it('a reader with an older moment of the store keeps it, and is waited for', async () => {
  const folder = await newFolder();
  const root = open<string, number>({ path: folder, ...OPTIONS });
  onTestFinished(() => root.close());
  for (const key of range(1, 50)) await root.put(key, `kept ${key} `.padEnd(3_000, 'x'));
  const transaction = root.useReadTransaction();
  expect(root.get(1, { transaction })).toContain('kept 1');
  await root.batch(() => {
    for (const key of range(1, 50)) void root.remove(key);
  });
  expect(await eraseFreedBytes(folder)).toBe(undefined);
  expect(range(1, 50).map((key) => root.get(key, { transaction })?.trim().split(' x')[0])).toEqual(
    range(1, 50).map((key) => `kept ${key}`),
  );
  transaction.done();
  root.resetReadTxn();
  expect(await eraseFreedBytes(folder)).toBeGreaterThan(50 * 3_000);
  expect(readFileSync(join(folder, 'data.mdb'), 'latin1')).not.toContain('kept');
});

it('a file of another layout, or with a page that contradicts another, stays as it is', async () => {
  const folder = await newFolder();
  const root = open<string, number>({ path: folder, ...OPTIONS });
  for (const key of range(1, 400)) void root.put(key, 'x'.repeat(200));
  await root.flushed;
  await root.close();
  const path = join(folder, 'data.mdb');
  const whole = readFileSync(path);
  const readPage = (page: number) => whole.subarray(page * 4_096, (page + 1) * 4_096);
  const { used } = usedPages(readPage, newestMeta(readPage));
  // A page begins with its number; its kind is 18 bytes later.
  const leaf = range(2, used.length - 1).find((page) => used[page] && whole[page * 4_096 + 18] === 2) ?? 0;
  expect(leaf).toBeGreaterThan(1);
  for (const [at, byte] of [
    [24, 1],
    [28, 9],
    [leaf * 4_096, leaf + 1],
    [leaf * 4_096 + 18, 4],
    [leaf * 4_096 + 23, 0xff],
  ] as const) {
    const damaged = Buffer.from(whole);
    damaged[at] = byte;
    damaged[at + 4_096 * Number(at < 100)] = byte;
    writeFileSync(path, damaged);
    expect(() => eraseFreedBytesOf(path)).toThrow(UnknownLayoutError);
    expect(readFileSync(path).equals(damaged)).toBe(true);
  }
});
