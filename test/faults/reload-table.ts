import { replaceTable } from '../bench/marked-table.ts';
import { type Change, type ReloadResult, runReload } from './reload-run.ts';

const README = new URL('../README.md', import.meta.url);
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
  if (readme) await replaceTable(README, table, 'reload');
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
