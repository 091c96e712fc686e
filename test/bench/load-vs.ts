/**
 *   npm run load-vs -- [--workers N] [--readme] [options of roomcast load]
 *
 * Starts Roomcast and the stock server, a Redis each, and runs `roomcast load` on both by turns: the most deliveries
 * per second at p99 < 100 ms, and the ratios. Ends with the exit code of that command. --readme puts the ratios into
 * src/load/README.md, unless others kept the machine busy or a verdict is on more than limits.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quotient } from '../../src/load/numbers.ts';
import type { LoadResult, StepFigures } from '../../src/load/result.ts';
import { MAIN } from '../support/cluster.ts';
import { replaceTable } from './marked-table.ts';
import { watchOthers } from './measure/others-watch.ts';
import { versusRefusal } from './recordable.ts';
import { provenance } from './rows.ts';
import { ROOMCAST } from './systems/roomcast.ts';
import { SHARDED } from './systems/stock.ts';
import type { RunningSystem } from './systems/system.ts';

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
const { values, tokens } = parseArgs({
  args: given,
  strict: false,
  tokens: true,
  options: {
    workers: { type: 'string', default: '1' },
    readme: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const workers = Number(values.workers);
if (!(Number.isInteger(workers) && workers > 0))
  throw new Error(`--workers takes a whole number from 1, not ${JSON.stringify(values.workers)}`);
/** The words of this script's own options; all others are the command's. */
const own = new Set(
  tokens.flatMap((token) => {
    if (token.kind !== 'option' || !['workers', 'readme', 'json'].includes(token.name)) return [];
    const hasWord = token.value !== undefined && !token.inlineValue;
    return hasWord ? [token.index, token.index + 1] : [token.index];
  }),
);
const options = given.filter((_, index) => !own.has(index));

/** The command has ended when this process ends, so that its result and what was started are in order. */
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());

const folder = await mkdtemp(join(tmpdir(), 'roomcast-load-vs-'));
const systems: RunningSystem[] = [];
let code = 1;
try {
  for (const system of [ROOMCAST, SHARDED])
    if (!interruption.signal.aborted) systems.push(await system.open({ workers }));
  const [ours, stock] = systems;
  if (ours !== undefined && stock !== undefined) code = await compare(ours, stock);
} finally {
  await Promise.allSettled(systems.map((system) => system.stop()));
  await rm(folder, { recursive: true, force: true });
}
process.exit(code);

async function compare(ours: RunningSystem, stock: RunningSystem): Promise<number> {
  const urlsOf = (ports: readonly number[]) => ports.map((port) => `http://127.0.0.1:${port}`);
  const versus = ['--vs', urlsOf(stock.ports).join(','), '--vs-dialect', DIALECT];
  const json = typeof values.json === 'string' ? values.json : join(folder, 'result.json');
  const args = ['load', ...urlsOf(ours.ports), ...versus, ...DEFAULTS, ...options, '--json', json];
  const watch = watchOthers();
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'inherit' });
  // A terminal sends SIGINT to the child too, which would end at once at its second one.
  interruption.signal.addEventListener('abort', () => child.kill('SIGTERM'));
  if (interruption.signal.aborted) child.kill('SIGTERM');
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  const othersCores = watch.stop();
  if (!values.readme || interruption.signal.aborted) return exitCode ?? 1;
  const text = await readFile(json, 'utf8').catch(() => undefined);
  if (text === undefined) return exitCode ?? 1;
  const result = JSON.parse(text) as LoadResult;
  const refusal = versusRefusal(result, othersCores);
  if (refusal === undefined) {
    await replaceTable(README, tableOf(result), 'load-vs');
    return exitCode ?? 1;
  }
  process.stderr.write(`${refusal}\n`);
  return exitCode === 0 ? 1 : (exitCode ?? 1);
}

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
