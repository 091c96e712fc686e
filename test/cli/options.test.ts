import { describe, expect, it } from 'vitest';
import { notWhole, readOptions } from '../../src/cli/options.ts';
import { createPrinted } from './command-line.ts';

const COMMAND = { name: 'brew', help: 'how to brew\n', options: { cups: 'string', hot: 'boolean' } } as const;

function read(argv: string, check?: Parameters<typeof readOptions>[3]) {
  const print = createPrinted();
  const given = readOptions(COMMAND, argv.split(' ').filter(Boolean), print, check);
  return { given, ...print.text() };
}

describe('the options of a command', () => {
  it('are returned with the words that belong to none', () => {
    expect(read('green --cups 3 black --hot').given).toMatchObject({
      values: { cups: '3', hot: true },
      words: ['green', 'black'],
    });
  });

  it.each(['--help', '-h', '--cups 3 --help', '--nonsense --help'])('give way to the help: %s', (argv) => {
    expect(read(argv)).toEqual({ given: 0, out: 'how to brew\n', err: '' });
  });

  it.each([
    ['--cupz 3', '--cupz is no option; did you mean --cups?'],
    ['--nonsense', '--nonsense is no option\n'],
    ['-x', '-x is no option'],
    ['--cups', '--cups needs a value'],
    ['--cups --hot', '--cups needs a value'],
    ['--hot=yes', '--hot takes no value'],
  ])('are refused by name: %s', (argv, problem) => {
    const { given, out, err } = read(argv);
    expect({ given, out }).toEqual({ given: 2, out: '' });
    expect(err).toContain(`roomcast brew: ${problem}`);
    expect(err).toMatch(/See roomcast brew --help\.\n$/);
  });

  it('are refused when a value is not what its option takes', () => {
    expect(read('--cups many', (given) => notWhole(given, 'cups', 1, 9)).err).toContain(
      '--cups takes a whole number from 1 to 9, not "many"',
    );
    expect(read('--cups 9', (given) => notWhole(given, 'cups', 1, 9)).err).toBe('');
  });
});
