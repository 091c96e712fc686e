/**
 *   npm run fuzz -- [--surface NAME,…] [--seconds N] [--seed N [--path P]] [--mode embedded|cluster]
 *
 * Runs what is built in dist/. The same seed sends the same inputs; with the path that a failure prints it begins there.
 */
import { readScriptOptions } from '../support/script-options.ts';
import { fuzz } from './campaign.ts';
import { SURFACES } from './surfaces.ts';
import { openTarget } from './target.ts';

const { values } = readScriptOptions(import.meta.url, {
  options: {
    surface: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    path: { type: 'string' },
    mode: { type: 'string' },
  },
});
const names = values.surface?.split(',');
const chosen = SURFACES.filter(({ name }) => names?.includes(name) ?? true);
const seed = Number(values.seed);
const say = (line: string) => void process.stdout.write(`${line}\n`);
let clean = chosen.length === (names?.length ?? SURFACES.length) && Number.isSafeInteger(seed);
if (!clean) say(`the surfaces are ${SURFACES.map(({ name }) => name).join(' ')}; a seed is a number`);
else say(`seed ${seed}`);
for (const surface of clean ? chosen : []) {
  const target = await openTarget(surface.mode ?? (values.mode === 'cluster' ? 'cluster' : 'embedded'));
  try {
    const limitMs = Number(values.seconds) * 1_000;
    const { path } = values;
    const found = await fuzz(surface, target, {
      seed,
      limitMs,
      ...(path === undefined ? {} : { path }),
      say,
    });
    clean &&= found === undefined;
  } finally {
    await target.close();
  }
}
process.exit(clean ? 0 : 1);
