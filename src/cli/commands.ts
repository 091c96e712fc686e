import type { Printer } from './nginx.ts';
import { runNginx } from './nginx.ts';
import type { NginxSettings } from './nginx-arguments.ts';
import { type SettingRow, startHelp } from './start.ts';
import { runStatus, type StatusSettings } from './status.ts';
import { runToken, type TokenSettings } from './token.ts';

const COMMANDS = [
  ['start', 'run the chat: a primary and its workers'],
  ['status', 'show the primary, the cluster and the workers of this host'],
  ['nginx', 'print the config of the nginx in front'],
  ['token', 'print a token that lets a user in'],
] as const;

export function commandHelp(version: string): string {
  const rows = COMMANDS.map(([name, what]) => `  ${name.padEnd(8)}${what}\n`).join('');
  return `Roomcast ${version}\n\nUsage: roomcast COMMAND [options]\n\n${rows}\nEach has --help. Settings are environment variables: roomcast start --help.\n`;
}

/** Runs every command but `start` itself; returns the exit code. */
export async function runCommand(
  name: string,
  args: readonly string[],
  settings: NginxSettings & StatusSettings & TokenSettings,
  rows: readonly SettingRow[],
  print: Printer,
): Promise<number> {
  if (name === 'nginx') return runNginx(args, settings, print);
  if (name === 'status') return runStatus(args, settings, print);
  if (name === 'token') return runToken(args, settings, Date.now, print);
  if (name === 'start') return startHelp(args, rows, print);
  print.err(`roomcast: there is no command ${JSON.stringify(name)}\n`);
  print.err(`Commands: ${COMMANDS.map(([known]) => known).join(', ')}\n`);
  return 2;
}
