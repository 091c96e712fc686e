/**
 *   npm run fuzz-costs -- [--seed N] [--steps N]
 *
 * Prints the dearest input of each kind, and fails if one costs more than the bounds, or a process dies.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { inspectedHost } from '../leaks/heap.ts';
import { readScriptOptions } from '../support/script-options.ts';
import { startSystem } from '../support/system.ts';
import { type Cost, cpuMs, findCosts } from './costs.ts';
import { pidsOf } from './target.ts';

/** About four times the dearest that was measured, on a machine that was busy with other tests. */
const MOST_CPU_MS_PER_KILOBYTE = 400;
/** Four times the most that was measured. */
const MOST_HELD_BYTES_PER_BYTE = 300;
const IDLE_MS = 5_000;
const WORKERS = 2;

const HEAD =
  '| dearest input | events | text | depth | keys | CPU ms per kB | of the median | bytes held per byte |\n' +
  '|---|---|---|---|---|---|---|---|';

const { values } = readScriptOptions(import.meta.url, {
  options: {
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    steps: { type: 'string', default: '2' },
  },
});
const [seed, steps] = [Number(values.seed), Number(values.steps)];
const say = (line: string) => void process.stdout.write(`${line}\n`);
say(`seed ${seed}`);
const inspected = await inspectedHost(WORKERS);
const system = await startSystem('embedded', { ...inspected.env, LOG_LEVEL: 'fatal' });
const pids = pidsOf(system);
const heldBytes = async () => (await inspected.heldBytes(pids)).reduce((sum, bytes) => sum + bytes, 0);

let failed = false;
try {
  // The inspector's own start is no cost of an input.
  await heldBytes();
  const [cpuBefore, startedAt] = [cpuMs(pids), performance.now()];
  await pause(IDLE_MS);
  const idleShare = (cpuMs(pids) - cpuBefore) / (performance.now() - startedAt);
  let measured = 0;
  say(HEAD);
  const costs = await findCosts(system, {
    seed,
    steps,
    pids,
    idleShare,
    heldBytes,
    onMeasured: () => {
      measured += 1;
    },
    onFound: (cost) => say(rowOf(cost)),
  });
  const median = costs[Math.floor(costs.length / 2)]?.cpuMsPerKilobyte ?? 0;
  say(`\nthe dearest first, with the part of the median:\n${HEAD}`);
  for (const cost of costs) {
    const { cpuMsPerKilobyte, heldBytesPerByte } = cost;
    say(rowOf(cost, median));
    failed ||= cpuMsPerKilobyte > MOST_CPU_MS_PER_KILOBYTE || heldBytesPerByte > MOST_HELD_BYTES_PER_BYTE;
  }
  say(`${measured} inputs`);
  const alive = pids.every((pid) => pidsOf(system).includes(pid));
  say(alive ? 'workers lost: 0' : 'a process died');
  failed ||= !alive;
} finally {
  await system.stop();
}
process.exit(failed ? 1 : 0);

/** The median is known once all kinds were measured. */
function rowOf({ kind, sizes, cpuMsPerKilobyte, heldBytesPerByte }: Cost, median?: number): string {
  const { events, textBytes, depth, keys } = sizes;
  const part = median === undefined ? '' : (cpuMsPerKilobyte / median).toFixed(1);
  const figures = [cpuMsPerKilobyte.toFixed(2), part, heldBytesPerByte.toFixed(1)];
  return `| ${[kind, events, textBytes, depth, keys, ...figures].join(' | ')} |`;
}
