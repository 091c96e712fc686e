import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../.ci/run', import.meta.url));
const WORKFLOW = readFileSync(new URL('../../.github/workflows/ci.yml', import.meta.url), 'utf8');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomcast-ci-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs .ci/run with a node and an npm that only note how they were called; `failing` ends with exit code 3. */
function runCi(failing = 'nothing') {
  const calls = join(folder, 'calls');
  for (const program of ['node', 'npm']) {
    const call = `${program} $*`;
    const script = `#!/bin/sh\necho "${call}" >> '${calls}'\ncase "${call}" in '${failing}') exit 3;; esac\necho "${call}"\n`;
    writeFileSync(join(folder, program), script);
    chmodSync(join(folder, program), 0o755);
  }
  const { status, stdout } = spawnSync('bash', [SCRIPT], {
    cwd: tmpdir(),
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
    encoding: 'utf8',
  });
  const made = existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
  return { status, stdout, calls: made.filter((call) => !call.endsWith('--version')) };
}

const STEPS = ['node test/support/prerequisites.mjs --sudo', 'npm ci', 'npm run check', 'npm cit'];

it('.ci/run can be executed', () => expect(statSync(SCRIPT).mode & 0o111).toBe(0o111));

it('.ci/run looks for programs, installs, checks, and ends with npm cit, from whatever folder', () => {
  const { status, calls, stdout } = runCi();
  expect({ status, calls }).toEqual({ status: 0, calls: STEPS });
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('npm cit');
});

it.each(STEPS)('.ci/run fails and goes no further when %s fails', (step) => {
  const { status, calls } = runCi(step);
  expect(status).toBe(3);
  expect(calls).toEqual(STEPS.slice(0, STEPS.indexOf(step) + 1));
});

it('the workflow runs .ci/run, and nothing else of its own, on every Node that is supported', () => {
  const runs = [...WORKFLOW.matchAll(/^\s*(?:- )?run: (.*)$/gm)].map((match) => match[1]);
  expect(runs).toEqual(['bash .ci/run']);
  expect(/node: \[(.*)\]/.exec(WORKFLOW)?.[1]).toBe('20, 22, 24');
});

it('the workflow takes every action by a major version', () => {
  const actions = [...WORKFLOW.matchAll(/uses: (.*)$/gm)].map((match) => match[1]);
  expect(actions.length).toBeGreaterThan(0);
  for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
});
