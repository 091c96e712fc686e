/**
 *   npm run load-vs -- [--workers N] [--readme] [options of roomcast load]
 *
 * Starts Roomcast and the stock server, a Redis each, and runs `roomcast load` on both by turns: the most deliveries
 * per second at p99 < 100 ms, and the ratios. Ends with the exit code of that command. --readme puts the ratios into
 * src/load/README.md; use it on a quiet machine only.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quotient } from '../../src/load/numbers.ts';
import type { LoadResult, StepFigures } from '../../src/load/result.ts';
import { MAIN } from '../support/cluster.ts';
import { replaceTable } from './marked-table.ts';
import { provenance } from './rows.ts';
import { ROOMCAST } from './systems/roomcast.ts';
import { SHARDED } from './systems/stock.ts';

const DIALECT = fileURLToPath(new URL('stock/dialect.mjs', import.meta.url));
const README = new URL('../../src/load/README.md', import.meta.url);
/** Rooms of 100. An option that is given again counts as given last. */
const DEFAULTS = [
  ['--clients', '1000'],
  ['--rooms', '10'],
  ['--ramp', '200/s'],
  ['--duration', '10s'],
  ['--steps', '100,200,400,600,800,1k,1200,1500,2k,2500'],
].flat();

const given = process.argv.slice(2);
const isRecorded = given.includes('--readme');
const at = given.indexOf('--workers');
const workers = at < 0 ? 1 : Number(given[at + 1]);
const options = given.filter(
  (word, index) => word !== '--readme' && (at < 0 || (index !== at && index !== at + 1)),
);

// What was started ends with this process, by listeners of `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const folder = await mkdtemp(join(tmpdir(), 'roomcast-load-vs-'));
const json = join(folder, 'result.json');
const ours = await ROOMCAST.open({ workers });
const stock = await SHARDED.open({ workers });
let code: number;
try {
  const urlsOf = (ports: readonly number[]) => ports.map((port) => `http://127.0.0.1:${port}`);
  const versus = ['--vs', urlsOf(stock.ports).join(','), '--vs-dialect', DIALECT];
  const args = ['load', ...urlsOf(ours.ports), ...versus, ...DEFAULTS, ...options, '--json', json];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'inherit' });
  [code] = (await once(child, 'exit')) as [number];
  if (isRecorded && code === 0) {
    const result = JSON.parse(await readFile(json, 'utf8')) as LoadResult;
    await replaceTable(README, tableOf(result), 'load-vs');
  }
} finally {
  await ours.stop();
  await stock.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit(code);

function tableOf({ versus, config, steps }: LoadResult): string {
  if (versus === undefined) throw new Error('the result has no second server');
  const rows = versus.ratios.map(({ name, first, second, median, least, most }) => {
    const [a, b] = [first, second].map((value) =>
      value.toLocaleString('en-US', { maximumFractionDigits: 1 }),
    );
    return `| ${name} | ${b} | **${a}** | ${quotient(median)} (${quotient(least)} … ${quotient(most)}) |`;
  });
  const from = provenance(given);
  return [
    '| | Socket.IO, sharded adapter | **ours** | ours ÷ stock |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    `${config.clients} clients in ${config.rooms} rooms, one step of ${config.durationMs / 1_000} s for each rate; ours broke at ${brokenAt(steps)}, stock at ${brokenAt(versus.second.steps)}. ${from.commit}, Node ${from.node}, ${from.cores} × ${from.cpu}, ${from.at.slice(0, 10)}.`,
  ].join('\n');
}

function brokenAt(steps: readonly StepFigures[]): string {
  const broken = steps.find(({ broke }) => broke !== undefined);
  return broken === undefined ? 'none' : `${broken.offeredPerS} messages/s`;
}
