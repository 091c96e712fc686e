/** Loaded before the program, by its build only: writes the code that V8 has compiled of the scripts when the process ends. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import vm from 'node:vm';
import { codeVersion } from '../dist/scripts.js';

const { Script } = vm;
const code = codeVersion();
const scripts = [];

vm.Script = class extends Script {
  constructor(source, options) {
    super(source, options);
    const { filename = '' } = options ?? {};
    if (filename.includes('/dist/.scripts/')) scripts.push({ path: fileURLToPath(filename), script: this });
  }
};
syncBuiltinESMExports();

process.on('exit', () => {
  // The program sets this while it runs. V8 takes no code that was compiled with other options.
  setFlagsFromString('--no-expose-gc');
  for (const { path, script } of scripts) {
    const [folder, name] = [path.slice(0, path.lastIndexOf(sep)), path.slice(path.lastIndexOf(sep) + 1)];
    const target = join(folder, code, name);
    if (existsSync(target)) continue;
    mkdirSync(join(folder, code), { recursive: true });
    writeFileSync(target, script.createCachedData());
  }
});
