/**
 *   npm run faults -- [--only NAME,…] [--no-stock] [--seed N] [--readme] [--keep FOLDER]
 *   npm run soak -- --minutes N [--seed N]
 *   npm run reloads [-- --readme]
 *
 * Runs what is built in dist/. The same seed plays the same faults. Ends with code 1 when anything was lost, repeated,
 * swapped or leaked, or a run proved nothing or did not end. --readme puts each row into the table of test/README.md as
 * soon as it is made, and leaves the others there. --keep writes the records of each run in which something was wrong.
 */
import { readScriptOptions } from '../support/script-options.ts';
import { runAll } from './all.ts';
import { runReloads } from './reload-table.ts';
import { runSoak } from './soak.ts';

const { values, positionals } = readScriptOptions(import.meta.url, {
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    'no-stock': { type: 'boolean', default: false },
    readme: { type: 'boolean', default: false },
    keep: { type: 'string' },
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
  },
});
const seed = Number(values.seed);
// Each server, host and crowd listens for the end of this process.
process.setMaxListeners(0);
const say = (line: string) => void process.stdout.write(`${line}\n`);
say(`seed ${seed}`);
const clean = await run();
process.exit(clean ? 0 : 1);

function run(): Promise<boolean> {
  if (positionals.includes('soak')) return runSoak({ minutes: Number(values.minutes), seed, say });
  if (positionals.includes('reloads')) return runReloads(values.readme, say);
  return runAll({
    seed,
    stock: !values['no-stock'],
    readme: values.readme,
    say,
    ...(values.only === undefined ? {} : { only: values.only.split(',') }),
    ...(values.keep === undefined ? {} : { keep: values.keep }),
  });
}
