import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeVersion, openScripts } from '../src/scripts.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomcast-scripts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const url = () => pathToFileURL(join(folder, 'main.js')).href;
const scriptOf = (body: string) => `(function (module, require, moduleUrl, importModule) {${body}\n})`;
function write(name: string, body: string) {
  mkdirSync(join(folder, '.scripts'), { recursive: true });
  writeFileSync(join(folder, '.scripts', name), scriptOf(body));
}
function writeCode(name: string, code: Uint8Array) {
  mkdirSync(join(folder, '.scripts', codeVersion()), { recursive: true });
  writeFileSync(join(folder, '.scripts', codeVersion(), name), code);
}

describe('the scripts of a build', () => {
  it('have compiled code for one build of Node alone', () => {
    const own = codeVersion();
    // V8 of two releases of Node can have the same version, and then takes the code of the other one.
    for (const [name, value] of [
      ['version', `${process.version}-other`],
      ['arch', 'other'],
      ['config', { variables: {} }],
    ] as const) {
      const real = Object.getOwnPropertyDescriptor(process, name) as PropertyDescriptor;
      Object.defineProperty(process, name, { value, configurable: true, enumerable: true });
      try {
        expect(codeVersion()).not.toBe(own);
      } finally {
        Object.defineProperty(process, name, real);
      }
    }
    expect(codeVersion()).toBe(own);
  });

  it('run once each, and require each other, modules of Node and modules by their URL', async () => {
    write(
      'a.js',
      "module.exports = { b: require('./b.js'), again: require('./b.js'), sep: require('node:path').sep, moduleUrl, importModule };",
    );
    write('b.js', 'module.exports = {};');
    const a = openScripts(url())?.load('a.js') as Record<string, unknown>;
    expect(a.again).toBe(a.b);
    expect(a.sep).toBe('/');
    expect(a.moduleUrl).toBe(new URL('a.js', url()).href);
    const free = join(folder, 'free.mjs');
    writeFileSync(free, 'export const answer = 42;');
    const importModule = a.importModule as (url: string) => Promise<{ answer: number }>;
    expect((await importModule(pathToFileURL(free).href)).answer).toBe(42);
  });

  it('are not there in a package', () => {
    expect(openScripts(url())).toBe(undefined);
  });

  it('run with compiled code', () => {
    write('a.js', 'module.exports = 1;');
    // V8 compares the length of the text alone: the answer tells which of the two runs.
    writeCode('a.js', new Script(scriptOf('module.exports = 2;')).createCachedData());
    expect(openScripts(url())?.load('a.js')).toBe(2);
  });

  it.each([
    ['is damaged', () => Buffer.from('no code')],
    ['is empty', () => Buffer.alloc(0)],
    ['is of a script of another length', () => new Script('1 + 1').createCachedData()],
  ])('run without compiled code that %s', (_, code) => {
    write('a.js', 'module.exports = 7;');
    writeCode('a.js', code());
    expect(openScripts(url())?.load('a.js')).toBe(7);
  });
});
