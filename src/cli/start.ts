import type { Printer } from './nginx.ts';

export interface SettingRow {
  readonly name: string;
  readonly shownDefault: string;
  readonly meaning: string;
}

/** `start` takes no argument but --help: every setting is an environment variable. */
export function startHelp(args: readonly string[], rows: readonly SettingRow[], print: Printer): number {
  if (args.some((arg) => arg !== '--help' && arg !== '-h')) {
    print.err('roomcast start: takes no arguments; settings are environment variables, see --help\n');
    return 2;
  }
  const table = rows.map(
    ({ name, shownDefault, meaning }) => `  ${name} [${shownDefault}]\n      ${meaning}\n`,
  );
  print.out(`Usage: roomcast start\n\nSettings (environment variables):\n${table.join('')}`);
  return 0;
}
