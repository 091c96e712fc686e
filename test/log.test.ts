import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createLog } from '../src/log.ts';
import { eventually } from './support/eventually.ts';

const LINES = 2_000;

function openFile() {
  const dir = mkdtempSync(join(tmpdir(), 'roomcast-log-'));
  const path = join(dir, 'log');
  const fd = openSync(path, 'w');
  onTestFinished(() => {
    closeSync(fd);
    rmSync(dir, { recursive: true });
  });
  const numbers = () =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { n: number }).n);
  return { fd, numbers };
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

it('writes a burst of lines in the background, many at once, in their order', async () => {
  const { fd, numbers } = openFile();
  const inLoop = vi.spyOn(fs, 'writeSync');
  const inBackground = vi.spyOn(fs, 'write');
  onTestFinished(() => void vi.restoreAllMocks());
  const log = createLog({ level: 'info', pretty: false, base: {}, destination: fd });
  for (const n of upTo(LINES)) log.info({ n }, 'connection ended');
  await eventually(() => expect(numbers()).toEqual(upTo(LINES)));
  expect(inLoop).not.toHaveBeenCalled();
  expect(inBackground.mock.calls.length).toBeLessThan(LINES / 20);
});

it.each([
  ['exits', 'process.exit(3);', 3],
  ['ends by an uncaught error', 'throw new Error("planted");', 1],
  ['ends by itself', '', 0],
])('loses no line when the process %s', async (_, end, exitCode) => {
  const script = `
    import { createLog } from ${JSON.stringify(new URL('../src/log.ts', import.meta.url).href)};
    const log = createLog({ level: 'info', pretty: false, base: {}, destination: 1 });
    for (let n = 0; n < ${LINES}; n += 1) log.info({ n }, 'connection ended');
    ${end}`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [code] = (await once(child, 'close')) as [number];
  const numbers = text
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { n: number }).n);
  expect([code, numbers.length]).toEqual([exitCode, LINES]);
  expect(new Set(numbers).size).toBe(LINES);
});

const SOURCE = JSON.stringify(new URL('../src/log.ts', import.meta.url).href);

function runScript(script: string, stdio: StdioOptions, pretty = false) {
  const text = `import { createLog } from ${SOURCE};
    const log = createLog({ level: 'info', pretty: ${pretty}, base: {}, destination: 1 });
    ${script}`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', text];
  const child = spawn(process.execPath, args, { stdio });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const GOES_ON = `
  process.on('uncaughtException', () => process.exit(9));
  log.info('one');
  log.info('two');
  setTimeout(() => {
    log.fatal('still here');
    process.once('exit', () => {
      log.info('leaving');
      log.info('left');
    });
    process.exit(3);
  }, 100);`;

it.each([false, true])('goes on and exits when the disk of the log is full, pretty: %s', async (pretty) => {
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  const child = runScript(GOES_ON, ['ignore', full, 'ignore'], pretty);
  expect(await once(child, 'exit')).toEqual([3, null]);
});

it('goes on and exits when the reader of the log is gone', async () => {
  const child = runScript(`process.once('message', () => {${GOES_ON}});\nprocess.send('started');`, [
    'ignore',
    'pipe',
    'ignore',
    'ipc',
  ]);
  await once(child, 'message');
  child.stdout?.destroy();
  child.send('go');
  expect(await once(child, 'exit')).toEqual([3, null]);
});

it('drops lines that nobody reads beyond a bound, without waiting, and says how many', async () => {
  // The test reads the pipe only once all lines are logged.
  const script = `
    import { createLog } from ${JSON.stringify(new URL('../src/log.ts', import.meta.url).href)};
    const log = createLog({ level: 'info', pretty: false, base: {}, destination: 1 });
    const filler = 'x'.repeat(1_000);
    for (let n = 0; n < 8_000; n += 1) log.info({ n, filler }, 'connection ended');
    process.send('logged');
    process.once('disconnect', () => undefined);`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const missing = () => /"lines":(\d+),"msg":"log lines are missing/.exec(text)?.[1];
  await eventually(() => expect(missing()).toBeDefined());
  child.disconnect();
  const kept = text.split('\n').filter((line) => line.includes('connection ended')).length;
  expect(kept + Number(missing())).toBe(8_000);
  expect(kept).toBeGreaterThan(1_000);
});
