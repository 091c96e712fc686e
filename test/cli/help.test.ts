import { expect, it } from 'vitest';
import { commandHelp, runCommand } from '../../src/cli/commands.ts';
import { parseConfiguration } from '../../src/config/configuration.ts';
import { EXIT_MISUSED } from '../../src/load/result.ts';
import { createPrinted } from './command-line.ts';

/** `start` prints the table of settings. */
const names = Array.from(commandHelp('1').matchAll(/^ {2}(\S+)/gm), ([, name = '']) => name).filter(
  (name) => name !== 'start',
);

it.each(names)('the help of roomcast %s fits a terminal of 120 columns', async (name) => {
  const print = createPrinted();
  const code = await runCommand({
    name,
    version: '1',
    args: ['--help'],
    configuration: parseConfiguration({}, { defaultWorkers: 1, terminal: false }),
    rows: [],
    readFile: () => undefined,
    print,
  });
  const { out } = print.text();
  expect(code).toBe(0);
  expect(out).toContain(`roomcast ${name}`);
  // An example may be longer: it is copied as one line.
  const text = out.split('\n').filter((line) => !line.startsWith('  roomcast '));
  expect(text.filter((line) => line.length > 120)).toEqual([]);
});

it.each([
  ['status', 1],
  ['load', EXIT_MISUSED],
])('wrong settings end roomcast %s with exit code %i', async (name, exitCode) => {
  const print = createPrinted();
  const code = await runCommand({
    name,
    version: '1',
    args: [],
    configuration: parseConfiguration({ PORT: 'x' }, { defaultWorkers: 1, terminal: false }),
    rows: [],
    readFile: () => undefined,
    print,
  });
  expect(code).toBe(exitCode);
  expect(print.text().err).toContain('PORT');
});
