import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { openDataDir } from '../../../src/backend/embedded/data-dir.ts';
import { examineDataDir } from '../../../src/backend/embedded/examination.ts';
import { createOpenings } from '../../../src/backend/embedded/opening.ts';

// The process that reads the store runs the sources, too.
beforeAll(() => void vi.stubEnv('NODE_OPTIONS', '--import tsx'));

const GIB = 1024 ** 3;
const EXT4 = 0xef53;
const uid = process.getuid?.();

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'roomcast-examined-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** The folder of a store that a server has used. */
async function storeFolder(): Promise<string> {
  const dir = await folder();
  await (await openDataDir(dir)).close();
  return dir;
}

const examine = (dataDir: string, more: Partial<Parameters<typeof examineDataDir>[0]> = {}) =>
  examineDataDir({ dataDir, uid, fileSystem: () => ({ type: EXT4, freeBytes: 2 * GIB }), ...more });

it('finds nothing in a store, used or not, and in a folder that is still to be made, and leaves no mark', async () => {
  const dir = await storeFolder();
  const files = readdirSync(dir);
  expect(await examine(dir)).toEqual([]);
  expect(readdirSync(dir)).toEqual(files);
  const owned = await openDataDir(dir);
  const hold = () => Promise.resolve(() => undefined);
  owned.serveConnections(createOpenings({ hold, log: pino({ level: 'silent' }) }));
  expect(await examine(dir)).toEqual([]);
  await owned.close();
  const missing = join(dir, 'not', 'there');
  expect(await examine(missing)).toEqual([]);
  expect(existsSync(missing)).toBe(false);
});

it('finds a path that leads through a file', async () => {
  const file = join(await folder(), 'file');
  writeFileSync(file, '');
  expect(await examine(join(file, 'data'))).toEqual([expect.stringContaining(`${file} is no folder`)]);
});

it.skipIf(uid === 0)('finds a folder that this user may not write', async () => {
  const dir = await folder();
  chmodSync(dir, 0o500);
  expect(await examine(dir)).toEqual([expect.stringContaining('cannot be written by this user')]);
  expect(await examine(join(dir, 'data'))).toEqual([expect.stringContaining(`cannot be made in ${dir}`)]);
  chmodSync(dir, 0o700);
});

it.each([
  [{ type: 0x01021994, freeBytes: 2 * GIB }, 'is on tmpfs, in memory'],
  [{ type: 0x6969, freeBytes: 2 * GIB }, 'is on a network file system (NFS)'],
  [{ type: EXT4, freeBytes: GIB - 1 }, 'has less than 1 GiB of free space'],
])('finds a place that is not fit for a store: %j', async (place, problem) => {
  const dir = await storeFolder();
  expect(await examine(dir, { fileSystem: () => place })).toEqual([expect.stringContaining(problem)]);
});

it('finds files of another user, and files that others may read', async () => {
  const dir = await storeFolder();
  expect(await examine(dir, { uid: (uid ?? 0) + 1 })).toEqual([
    expect.stringContaining(`belongs to user ${uid}, and this is user ${(uid ?? 0) + 1}`),
  ]);
  chmodSync(join(dir, 'data.mdb'), 0o644);
  expect(await examine(dir)).toEqual([expect.stringContaining('may be read by other users')]);
});

it.each([
  ['overwritten', async (path: string) => writeFileSync(path, Buffer.alloc(8_192, 7))],
  [
    'cut short',
    async (path: string) => {
      const file = await open(path, 'r+');
      await file.truncate(Math.floor((await stat(path)).size / 4));
      await file.close();
    },
  ],
])('finds a store whose file was %s', async (_, damage) => {
  const dir = await storeFolder();
  await damage(join(dir, 'data.mdb'));
  expect(await examine(dir)).toEqual([
    expect.stringMatching(/cannot be read \((?!.*code 1\)).+\)\. It is damaged: restore a backup\.$/),
  ]);
});
