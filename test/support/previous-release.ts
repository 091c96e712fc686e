import { execFile, execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The last state of main that was deployed. Raise it with each release. It is built with the packages of this tree. */
const COMMIT = '29da4b8fed10b61e36ab710ff1c9339b888b3eba';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

export interface Installed {
  /** Its `dist/main.js`. */
  readonly main: string;
  /** Names its source, a commit or a copy of this tree, for the log of the test. */
  readonly from: string;
  /** Puts this tree's build in its place, as a deployment does; what runs goes on. */
  upgrade(): Promise<void>;
  /** Puts the previous release's build back. */
  putBack(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Installs the previous release in a folder of its own, built from the history of this repository. A shallow clone has no
 * history: there it is a copy of this tree under another version, which shows that an upgrade works but nothing about the
 * formats of the previous release.
 */
export async function installPrevious(): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), 'roomcast-previous-'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const from = hasCommit() ? await buildCommit(folder) : await copyOfThis(folder);
  const kept = join(folder, 'previous');
  const install = async (source: string) => {
    await rm(join(folder, 'dist'), { recursive: true });
    await cp(join(source, 'dist'), join(folder, 'dist'), { recursive: true });
    await cp(join(source, 'package.json'), join(folder, 'package.json'));
  };
  await cp(join(folder, 'dist'), join(kept, 'dist'), { recursive: true });
  await cp(join(folder, 'package.json'), join(kept, 'package.json'));
  return {
    main: join(folder, 'dist', 'main.js'),
    from,
    upgrade: () => install(ROOT),
    putBack: () => install(kept),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function hasCommit(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${COMMIT}^{commit}`], { cwd: ROOT, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function buildCommit(folder: string): Promise<string> {
  const archive = join(folder, 'previous.tar');
  await run(
    'git',
    [
      'archive',
      '--output',
      archive,
      COMMIT,
      '--',
      'LICENSE',
      'src',
      'deploy',
      'package.json',
      'package-lock.json',
      'tsconfig.json',
    ],
    { cwd: ROOT },
  );
  await run('tar', ['-xf', archive, '-C', folder]);
  await run(process.execPath, [join(folder, 'deploy', 'build.mjs')], { cwd: folder });
  return `commit ${COMMIT.slice(0, 7)}`;
}

async function copyOfThis(folder: string): Promise<string> {
  await mkdir(join(folder, 'dist'), { recursive: true });
  await cp(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  const description = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as object;
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...description, version: '0.0.0' }));
  return 'a copy of this tree, because this clone has no history';
}
