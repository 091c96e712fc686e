import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openApiKey } from '../../src/backend/api-key.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-key-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A store that keeps the key it is offered first. */
function createShared() {
  let kept: string | undefined;
  return {
    agreeOnApiKey: async (offered: string) => {
      kept ??= offered;
      return succeed(kept);
    },
  };
}
const alone = () => ({ agreeOnApiKey: async (offered: string) => succeed(offered) });

describe('the key of the API', () => {
  it('is created once, readable by its owner only, in a folder created for it', async () => {
    const dataDir = join(await folder(), 'new', 'data');
    const { key, path } = await openApiKey({ dataDir, backend: alone() });
    expect(key).toMatch(/^[\w-]{43}$/);
    expect([path, await readFile(path, 'utf8')]).toEqual([join(dataDir, 'api-key'), key]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual(['api-key']);
    expect((await openApiKey({ dataDir, backend: alone() })).key).toBe(key);
    expect((await openApiKey({ dataDir: await folder(), backend: alone() })).key).not.toBe(key);
  });

  it('is the same on all hosts of a cluster, even if they start at once or had another key', async () => {
    const backend = createShared();
    const dirs = await Promise.all([folder(), folder(), folder()]);
    await writeFile(join(dirs[2] as string, 'api-key'), 'of-another-cluster');
    const keys = await Promise.all(
      dirs.slice(0, 2).map(async (dataDir) => (await openApiKey({ dataDir, backend })).key),
    );
    keys.push((await openApiKey({ dataDir: dirs[2] as string, backend })).key);
    expect(new Set(keys).size).toBe(1);
    for (const dir of dirs) {
      expect(await readFile(join(dir, 'api-key'), 'utf8')).toBe(keys[0]);
      expect((await stat(join(dir, 'api-key'))).mode & 0o777).toBe(0o600);
    }
  });

  it('may be written by the operator, and a new cluster uses it', async () => {
    const dataDir = await folder();
    await writeFile(join(dataDir, 'api-key'), 'a-key-of-my-own-choice\n');
    expect((await openApiKey({ dataDir, backend: createShared() })).key).toBe('a-key-of-my-own-choice');
  });

  it.each(['', 'too-short', 'a key with spaces in it', 'x'.repeat(513)])(
    'stops the start if its file holds %j',
    async (text) => {
      const dataDir = await folder();
      await writeFile(join(dataDir, 'api-key'), text);
      const opened = openApiKey({ dataDir, backend: alone() });
      await expect(opened).rejects.toThrow(`${join(dataDir, 'api-key')} does not hold a key`);
      await expect(opened).rejects.not.toThrow(text === '' ? 'never' : text);
    },
  );

  it('stops the start if the store does not return it', async () => {
    const dataDir = await folder();
    const backend = { agreeOnApiKey: async () => refuse('unavailable', 'the store is away') };
    await expect(openApiKey({ dataDir, backend })).rejects.toThrow('the store is away');
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('comes from the store if no file can be written, with a warning', async () => {
    const dataDir = join(await folder(), 'file');
    await writeFile(dataDir, '');
    const { key, problem } = await openApiKey({ dataDir, backend: createShared() });
    expect([key.length, problem]).toEqual([43, expect.any(String)]);
  });
});
