/**
 *   npm run bench -- [CASE…] [--pairs N] [--seconds S] [--quick] [--systems A,B] [--nodes 20,24] [--only name=value,…]
 *                    [--cpu-prof DIR] [--save | --no-save]
 *   npm run bench -- --readme
 *
 * Measures what is built in dist/; without a case all of them. README.md beside this file says how. Ends with code 1
 * when a run of any system failed, or when others kept the machine too busy to record a case. --readme only makes the
 * tables again, of the rows in results/: those of that README, of the top one and of deploy/.
 */
import { readScriptOptions } from '../support/script-options.ts';
import { backgroundTable, capacityTable, costsTable, exampleOf } from './capacity/tables.ts';
import type { Params, Scale } from './case.ts';
import { CASES } from './cases/all.ts';
import { replaceTable } from './marked-table.ts';
import { printedTable } from './printed-table.ts';
import { tableOf } from './readme-table.ts';
import { recordable } from './recordable.ts';
import { runCase } from './rounds.ts';
import { appendRows, provenance, readRows } from './rows.ts';
import { summaryOf } from './summary-table.ts';
import { openNodeVersion } from './systems/node-versions.ts';

const QUICK_ROUNDS = '2';

const args = process.argv.slice(2);
const { values, positionals } = readScriptOptions(import.meta.url, {
  args,
  allowPositionals: true,
  options: {
    pairs: { type: 'string' },
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    systems: { type: 'string' },
    nodes: { type: 'string' },
    only: { type: 'string' },
    'cpu-prof': { type: 'string' },
    save: { type: 'boolean', default: false },
    'no-save': { type: 'boolean', default: false },
    readme: { type: 'boolean', default: false },
  },
});
if (values.readme) {
  const rows = await readRows();
  await replaceTable(new URL('README.md', import.meta.url), tableOf(CASES, rows));
  await replaceTable(new URL('../../README.md', import.meta.url), summaryOf(rows));
  await replaceTable(new URL('README.md', import.meta.url), backgroundTable(rows), 'background');
  const deploy = new URL('../../deploy/README.md', import.meta.url);
  await replaceTable(deploy, costsTable(rows), 'costs');
  await replaceTable(deploy, exampleOf(rows), 'example');
  await replaceTable(deploy, capacityTable(rows), 'capacity');
  process.exit(0);
}
const chosen = positionals.map((name) => {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`no case ${name}; there are ${CASES.map((c) => c.name).join(', ')}`);
  return found;
});
const only: Params = Object.fromEntries((values.only?.split(',') ?? []).map((pair) => pair.split('=', 2)));
const scale: Scale = {
  size: values.quick ? 'quick' : 'full',
  only,
  ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
  ...(values['cpu-prof'] === undefined ? {} : { profileDir: values['cpu-prof'] }),
};
// A run made smaller is for looking, not for the record.
const reduced =
  ['pairs', 'seconds', 'systems', 'nodes', 'only', 'cpu-prof'].some((name) => name in values) || values.quick;
const saving = values.save || !(reduced || values['no-save']);

const pairs = values.pairs ?? (values.quick ? QUICK_ROUNDS : undefined);
const rounds = pairs === undefined ? undefined : Number(pairs);
const nodes = values.nodes?.split(',').map(openNodeVersion);
const from = provenance(args);
let failed = 0;
let refused = 0;
const startedAt = performance.now();
for (const one of chosen.length > 0 ? chosen : CASES) {
  const rows = await runCase(
    one,
    {
      scale,
      ...(rounds === undefined ? {} : { rounds }),
      say: (line) => console.log(line),
      ...(nodes === undefined ? {} : { nodes }),
      ...(values.systems === undefined ? {} : { systems: values.systems.split(',') }),
    },
    from,
  );
  console.log(`\n${printedTable(one, rows)}\n`);
  failed += rows.reduce((sum, row) => sum + row.failed.length, 0);
  const { kept, refusal } = recordable(rows);
  if (saving) await appendRows(kept);
  if (refusal === undefined) continue;
  console.log(refusal);
  if (saving) refused += 1;
}
console.log(`${from.commit}, ${((performance.now() - startedAt) / 60_000).toFixed(1)} minutes`);
process.exit(failed + refused === 0 ? 0 : 1);
