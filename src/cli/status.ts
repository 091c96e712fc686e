import { parseArgs } from 'node:util';
import { hostInUrl } from '../host-names.ts';
import type { Printer } from './nginx.ts';

export interface StatusSettings {
  readonly adminHost: string;
  readonly adminPort: number;
}

const TIMEOUT_MS = 5_000;

/** Prints the /status of this host's primary. */
export async function runStatus(
  args: readonly string[],
  { adminHost, adminPort }: StatusSettings,
  print: Printer,
): Promise<number> {
  const url = `http://${hostInUrl(adminHost)}:${adminPort}/status`;
  let wanted: { help?: boolean | undefined };
  try {
    wanted = parseArgs({ args: [...args], options: { help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    print.err(`roomcast status: ${error instanceof Error ? error.message : error}\n`);
    return 2;
  }
  if (wanted.help) {
    print.out(`Usage: roomcast status\n\nPrints ${url} (ADMIN_HOST and ADMIN_PORT) as JSON.\n`);
    return 0;
  }
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    print.out(`${JSON.stringify(await response.json(), null, 2)}\n`);
    return response.ok ? 0 : 1;
  } catch {
    print.err(`roomcast status: nothing answers at ${url}; is Roomcast running, with this ADMIN_PORT?\n`);
    return 1;
  }
}
