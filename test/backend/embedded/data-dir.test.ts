import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { BackendError } from '../../../src/backend/backend.ts';
import { openTables } from '../../../src/backend/embedded/tables.ts';
import { makeDataDir, openPeer, openPrimary } from '../../contract/embedded-harness.ts';
import { append, newRoom, textsOf } from '../../contract/peers.ts';
import { startAppender } from './appender-process.ts';

describe('DATA_DIR', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await makeDataDir();
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  });

  it('is made when it is missing', async () => {
    const primary = await openPrimary(join(dataDir, 'a', 'b'));
    expect((await primary.check()).ok).toBe(true);
    await primary.close();
  });

  it('is refused by name when it is a file or below one', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, 'x');
    for (const path of [file, join(file, 'below')]) {
      const error = await openPrimary(path).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(BackendError);
      expect((error as Error).message).toMatch(`DATA_DIR ${path} cannot be used`);
      expect((error as Error).message).toMatch('choose another DATA_DIR');
    }
  });

  it('is refused by name if it cannot be written', async () => {
    await expect(openPrimary('/proc/roomcast')).rejects.toThrow(/^DATA_DIR \/proc\/roomcast cannot be used/);
  });

  it('is refused if another version wrote it', async () => {
    const tables = openTables(dataDir);
    tables.compareAndSetFact('format', undefined, 999);
    await tables.close();
    await expect(openPrimary(dataDir)).rejects.toThrow(/was written by another version of Roomcast/);
  });

  it('belongs to one primary, named by its pid, until that one closes', async () => {
    const first = await openPrimary(dataDir);
    const message = `DATA_DIR ${dataDir} is in use by another Roomcast (pid ${process.pid})`;
    await expect(openPrimary(dataDir)).rejects.toThrow(message);
    const other = startAppender(dataDir);
    await other.linesFrom(1);
    expect(other.lines[0]).toMatch(`refused ${message}`);
    // The refused ones took nothing away from the owner.
    const peer = await openPeer(first);
    const room = newRoom();
    await append(peer, room, 'still mine');
    await expect(openPrimary(dataDir)).rejects.toThrow(message);
    await first.close();
    const second = await openPrimary(dataDir);
    await second.close();
    expect((await readdir(dataDir)).filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  it('is held by a living process and free at once after its kill -9', async () => {
    const owner = startAppender(dataDir, 'room');
    await owner.linesFrom(2);
    await expect(openPrimary(dataDir)).rejects.toThrow(`(pid ${owner.child.pid})`);
    // A stopped owner still owns it, also one stopped while it commits: it may go on.
    for (const _ of [1, 2, 3, 4, 5, 6, 7, 8]) {
      owner.child.kill('SIGSTOP');
      await expect(openPrimary(dataDir)).rejects.toThrow(`(pid ${owner.child.pid})`);
      const printed = owner.lines.length;
      owner.child.kill('SIGCONT');
      await owner.linesFrom(printed + 50);
    }
    owner.child.kill('SIGSTOP');
    await owner.kill();
    const next = await openPrimary(dataDir);
    expect((await next.check()).ok).toBe(true);
    await next.close();
    expect((await readdir(dataDir)).filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  it('goes to exactly one of several that start at once on the folder of a killed owner', async () => {
    const owner = startAppender(dataDir, 'room');
    await owner.linesFrom(2);
    await owner.kill();
    const starts = [1, 2, 3].map(() => startAppender(dataDir));
    await Promise.all(starts.map((start) => start.linesFrom(1)));
    expect(starts.map(({ lines }) => lines[0]?.split(' ')[0]).sort()).toEqual([
      'ready',
      'refused',
      'refused',
    ]);
  });

  it('may be deeper than a socket path is long', async () => {
    const deep = join(dataDir, ...Array.from({ length: 12 }, () => 'a-rather-long-folder'));
    await mkdir(deep, { recursive: true });
    const primary = await openPrimary(deep);
    await expect(openPrimary(deep)).rejects.toThrow(/is in use by another Roomcast/);
    await primary.close();
    await (await openPrimary(deep)).close();
  });

  it('gives the messages back to the next primary', async () => {
    const first = await openPrimary(dataDir);
    const room = newRoom();
    await append(await openPeer(first), room, 'kept');
    await first.close();
    const second = await openPrimary(dataDir);
    const page = await (await openPeer(second)).logs.read(room, { limit: 10, maxBytes: 1_000 });
    expect(page.ok && textsOf(page.value.entries)).toEqual(['kept']);
    await second.close();
  });
});
