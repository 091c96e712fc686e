import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Change, type ReloadResult, runReload } from './reload-run.ts';

const README = fileURLToPath(new URL('../README.md', import.meta.url));
const START = '<!-- reload -->';
const END = '<!-- /reload -->';
const CLIENTS = 50;
const CHANGES: readonly Change[] = ['reload', 'stop and start'];
const LOADS = [0, 8];

const HEADER = [
  'workers replaced by',
  'busy processes beside it',
  'took',
  'longest silence: SDK',
  'stock client',
  'lost',
  'repeated',
  'joins and quits announced',
];

/** Replaces a host's workers in each way, on a quiet and on a busy machine; returns whether nothing was lost or repeated. */
export async function runReloads(readme: boolean, say: (line: string) => void): Promise<boolean> {
  const results: ReloadResult[] = [];
  for (const change of CHANGES) {
    for (const load of LOADS) {
      const result = await runReload({ change, load, clients: CLIENTS });
      say(JSON.stringify(result));
      results.push(result);
    }
  }
  const table = [HEADER, HEADER.map(() => '---'), ...results.map(cellsOf)]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
  say(`\n${table}\n`);
  if (readme) await updateReadme(table);
  return results.every(({ lost, repeated }) => lost === 0 && repeated === 0);
}

function cellsOf({
  change,
  load,
  seconds,
  silenceMs,
  lost,
  repeated,
  presenceEvents,
}: ReloadResult): string[] {
  const inSeconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;
  return [
    change === 'reload' ? '`roomcast reload`' : 'SIGTERM and a start',
    String(load),
    `${seconds.toFixed(1)} s`,
    inSeconds(silenceMs.sdk),
    inSeconds(silenceMs.stock),
    String(lost),
    String(repeated),
    String(presenceEvents),
  ];
}

/** Puts the table between its markers. */
async function updateReadme(table: string): Promise<void> {
  const text = await readFile(README, 'utf8');
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`README.md has no ${START} … ${END}`);
  await writeFile(README, `${text.slice(0, start + START.length)}\n\n${table}\n\n${text.slice(end)}`);
}
