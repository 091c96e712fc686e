/**
 *   npm run fuzz-attacks -- [--attacker NAME,…] [--rounds 4] [--seconds 5]
 *
 * Prints how long the messages of honest clients take without and beside an attacker of each kind. Fails if the p99 is more than
 * twice as long, beyond the noise of the machine; if an honest message is refused; or if a process dies.
 */
import { readScriptOptions } from '../support/script-options.ts';
import { startSystem } from '../support/system.ts';
import { ATTACKERS, CONTROLS } from './attackers.ts';
import { type Beside, noiseMs, openAttacks, quantile, wrongWith } from './attacks.ts';
import { pidsOf } from './target.ts';

const { values } = readScriptOptions(import.meta.url, {
  options: {
    attacker: { type: 'string' },
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '5' },
  },
});
const say = (line: string) => void process.stdout.write(`${line}\n`);
const names = values.attacker?.split(',');
const chosen = ATTACKERS.filter(({ name }) => names?.includes(name) ?? true);
if (chosen.length === 0 || chosen.length < (names?.length ?? 0)) {
  say(`the attackers are: ${ATTACKERS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const phases = { rounds: Number(values.rounds), phaseMs: Number(values.seconds) * 1_000 };
const system = await startSystem('embedded', { LOG_LEVEL: 'fatal' });
const wrong: string[] = [];
try {
  const pids = pidsOf(system);
  const attacks = await openAttacks(system);
  // The code of the workers is compiled in the first seconds.
  await attacks.beside('nobody', { ...phases, rounds: 1 });
  const results: Beside[] = [];
  say('| attacker | sent per s | cores | p50 idle | beside it | p99 idle | beside it | ratio |');
  say('|---|---|---|---|---|---|---|---|');
  for (const { name } of [...CONTROLS, ...chosen]) {
    const result = await attacks.beside(name, phases);
    results.push(result);
    say(rowOf(result));
  }
  attacks.close();
  const noise = noiseMs(results);
  say(`noise: ${noise.toFixed(1)} ms`);
  const attacked = results.filter(({ attacker }) => CONTROLS.every(({ name }) => name !== attacker));
  wrong.push(...attacked.flatMap((result) => wrongWith(result, noise)));
  const dead = pids.filter((pid) => !pidsOf(system).includes(pid));
  wrong.push(...dead.map((pid) => `process ${pid} died`));
  say(`workers lost: ${dead.length}`);
} finally {
  await system.stop();
}
for (const line of wrong) say(`FAILED: ${line}`);
process.exit(wrong.length > 0 ? 1 : 0);

function rowOf({ attacker, sentPerS, cores, idle, attacked }: Beside): string {
  const pairs = [0.5, 0.99].map((part) =>
    [idle, attacked].map(({ latenciesMs }) => quantile(latenciesMs, part)),
  ) as [[number, number], [number, number]];
  const times = pairs.flat().map((ms) => ms.toFixed(1));
  const ratio = (pairs[1][1] / pairs[1][0]).toFixed(2);
  const sent = Math.round(sentPerS).toLocaleString('en-US');
  return `| ${[attacker, sent, cores.toFixed(2), ...times, ratio].join(' | ')} |`;
}
