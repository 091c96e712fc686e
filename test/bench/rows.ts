import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Params } from './case.ts';
import type { Spread } from './statistics.ts';

const FOLDER = fileURLToPath(new URL('./results', import.meta.url));

/** Where and when a run was made. */
export interface Provenance {
  /** When the command began; the same for all rows of it. */
  readonly at: string;
  /** With `+dirty` when the tree had changes that are in no commit. */
  readonly commit: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly command: string;
}

/** What one system did under one setting, over all rounds. */
export interface Row extends Provenance {
  readonly case: string;
  readonly params: Params;
  readonly system: string;
  readonly runs: number;
  /** Runs with a message lost, repeated or out of order, in words; their values are not among these. */
  readonly failed: readonly string[];
  readonly values: Readonly<Record<string, Spread>>;
  /** Cores that were busy with the work of others in the busier stretches of the busiest of its runs. */
  readonly othersCores?: number;
  /** Value ÷ value of `baseline` in the same round. */
  readonly baseline?: string;
  readonly ratios?: Readonly<Record<string, Spread>>;
}

export function provenance(args: readonly string[]): Provenance {
  const all = cpus();
  return {
    at: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  };
}

function commit(): string {
  const git = (...command: string[]) =>
    execFileSync('git', command, {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    // Results are no change of what is measured.
    const dirty = git('status', '--porcelain', '--', ':(top)', ':(top,exclude)test/bench/results') !== '';
    return `${git('rev-parse', '--short=10', 'HEAD')}${dirty ? '+dirty' : ''}`;
  } catch {
    return 'unknown';
  }
}

export async function appendRows(rows: readonly Row[]): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const row of rows) await appendFile(join(FOLDER, `${row.case}.jsonl`), `${JSON.stringify(row)}\n`);
}

/** All rows, oldest first. */
export async function readRows(): Promise<Row[]> {
  const names = (await readdir(FOLDER).catch(() => [])).filter((name) => name.endsWith('.jsonl')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(FOLDER, name), 'utf8')));
  return texts.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line) as Row);
}
