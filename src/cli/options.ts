import { parseArgs } from 'node:util';
import { isMisspelling } from '../config/spelling.ts';
import type { Printer } from './nginx.ts';

/** The options of a command: their types by their long names. */
export type OptionTypes = Readonly<Record<string, 'string' | 'boolean'>>;

export interface GivenOptions {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** The arguments that belong to no option. */
  readonly words: readonly string[];
}

/** The exit codes that every command shares. */
export const EXIT = { ok: 0, failed: 1, misused: 2 } as const;

export interface Command {
  readonly name: string;
  readonly help: string;
  readonly options: OptionTypes;
}

/**
 * Parses the arguments of a command. Prints the help or every problem by itself and returns the exit code then.
 * `check` returns what is wrong with the values, one sentence each.
 */
export function readOptions(
  { name, help, options }: Command,
  argv: readonly string[],
  print: Printer,
  check: (given: GivenOptions) => readonly string[] = () => [],
): GivenOptions | number {
  const types = Object.entries({ ...options, help: 'boolean' } as OptionTypes);
  const { tokens, values, positionals } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(types.map(([option, type]) => [option, { type }])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  if (values.help || argv.includes('-h')) {
    print.out(help);
    return EXIT.ok;
  }
  const problems: string[] = [];
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const type = types.find(([option]) => option === token.name)?.[1];
    const said = `${token.name.length === 1 ? '-' : '--'}${token.name}`;
    if (type === undefined) {
      const meant = types.find(([option]) => token.name.length > 2 && isMisspelling(option, token.name))?.[0];
      problems.push(`${said} is no option${meant === undefined ? '' : `; did you mean --${meant}?`}`);
    } else if (type === 'string' && (!token.value || token.value.startsWith('--'))) {
      problems.push(`${said} needs a value`);
    } else if (type === 'boolean' && token.value !== undefined) problems.push(`${said} takes no value`);
  }
  const given = { values: values as GivenOptions['values'], words: positionals };
  if (problems.length === 0) problems.push(...check(given));
  if (problems.length === 0) return given;
  for (const problem of problems) print.err(`roomcast ${name}: ${problem}\n`);
  print.err(`See roomcast ${name} --help.\n`);
  return EXIT.misused;
}

/** Says which arguments a command does not know that takes options alone. */
export function notWords({ words }: GivenOptions): string[] {
  return words.map((word) => `${JSON.stringify(word)} belongs to no option`);
}

/** Says if an option that takes the address of a site has something else. */
export function notAddress(given: GivenOptions, option: string): string[] {
  const value = given.values[option];
  if (value === undefined || (/^https?:\/\/[^/]/i.test(String(value)) && URL.canParse(String(value))))
    return [];
  return [`--${option} takes an address such as https://chat.example.org, not ${JSON.stringify(value)}`];
}

/** Says if an option that takes a whole number has something else. */
export function notWhole(given: GivenOptions, option: string, min: number, max: number): string[] {
  const value = given.values[option];
  if (value === undefined) return [];
  if (/^\d{1,15}$/.test(String(value)) && Number(value) >= min && Number(value) <= max) return [];
  return [`--${option} takes a whole number from ${min} to ${max}, not ${JSON.stringify(value)}`];
}
