/**
 *   npm run fuzz-costs -- [--seed N] [--steps N]
 *
 * Prints the dearest input of each kind, and fails if one costs more than the bound, or a process dies.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf } from '../faults/processes.ts';
import { enter } from '../support/member.ts';
import { readScriptOptions } from '../support/script-options.ts';
import { startSystem } from '../support/system.ts';
import { cpuMs, findCosts } from './costs.ts';

/** About four times the dearest that was measured, on a machine that was busy with other tests. */
const MOST_CPU_MS_PER_KILOBYTE = 400;
const IDLE_MS = 5_000;
const SAY_EVERY_MS = 80;

const { values } = readScriptOptions(import.meta.url, {
  options: {
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    steps: { type: 'string', default: '6' },
  },
});
const [seed, steps] = [Number(values.seed), Number(values.steps)];
const say = (line: string) => void process.stdout.write(`${line}\n`);
say(`seed ${seed}`);
const system = await startSystem('embedded', { LOG_LEVEL: 'fatal' });
const latencies = { idle: [] as number[], attacked: [] as number[] };
let phase: keyof typeof latencies = 'idle';
let ended = false;

async function chat(): Promise<void> {
  const honest = await enter(system.workerUrls[0] as string, 'honest people only', 'Honest');
  while (!ended) {
    const [during, askedAt] = [phase, performance.now()];
    const said = await honest.ask('say', { text: 'hello' });
    if (!said.ok) throw new Error(`an honest client was refused: ${said.error.code}`);
    if (during === phase) latencies[during].push(performance.now() - askedAt);
    await pause(SAY_EVERY_MS);
  }
  honest.close();
}

let failed = false;
try {
  const chatting = chat();
  await pause(IDLE_MS);
  const pids = system.hosts.flatMap(({ pid }) => [pid, ...childrenOf(pid)]);
  const [cpuBefore, startedAt] = [cpuMs(pids), performance.now()];
  await pause(IDLE_MS);
  const idleShare = (cpuMs(pids) - cpuBefore) / (performance.now() - startedAt);
  phase = 'attacked';
  let measured = 0;
  const costs = await findCosts(system, { seed, steps, idleShare, onMeasured: () => (measured += 1) });
  phase = 'idle';
  await pause(IDLE_MS);
  ended = true;
  await chatting;
  const median = costs[Math.floor(costs.length / 2)]?.cpuMsPerKilobyte ?? 0;
  say('| dearest input | events | text | depth | keys | CPU ms per kB | of the median |');
  say('|---|---|---|---|---|---|---|');
  for (const { kind, sizes, cpuMsPerKilobyte: cost } of costs) {
    const { events, textBytes, depth, keys } = sizes;
    say(
      `| ${kind} | ${events} | ${textBytes} | ${depth} | ${keys} | ${cost.toFixed(2)} | ${(cost / median).toFixed(1)} |`,
    );
    if (cost > MOST_CPU_MS_PER_KILOBYTE) failed = true;
  }
  const [idle, attacked] = [p99(latencies.idle), p99(latencies.attacked)];
  say(
    `${measured} inputs; an honest say: p99 ${idle.toFixed(1)} ms idle, ${attacked.toFixed(1)} ms attacked`,
  );
  const alive = pids.every((pid) =>
    system.hosts.some((host) => host.pid === pid || childrenOf(host.pid).includes(pid)),
  );
  say(alive ? 'workers lost: 0' : 'a process died');
  if (!alive) failed = true;
} finally {
  await system.stop();
}
process.exit(failed ? 1 : 0);

function p99(all: readonly number[]): number {
  return [...all].sort((one, other) => one - other)[Math.floor(all.length * 0.99)] ?? 0;
}
