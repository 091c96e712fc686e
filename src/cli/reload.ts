import { setTimeout as pause } from 'node:timers/promises';
import type { ReloadStatus } from '../cluster/reloads.ts';
import type { ReloadStep } from '../cluster/supervisor.ts';
import { hostInUrl } from '../host-names.ts';
import type { Printer } from './nginx.ts';
import { EXIT, notWords, readOptions } from './options.ts';
import type { StatusSettings } from './status.ts';

const TIMEOUT_MS = 5_000;
const CHECK_MS = 200;
/** A reload that ends later than this is reported as it stands. */
const LONGEST_MS = 3_600_000;

const HELP = `Usage: roomcast reload

Replaces the workers of this host one after the other and waits until the last old one has ended. Clients
move to the new workers; none is lost. The settings are those of the running primary.

It asks the primary at ADMIN_HOST and ADMIN_PORT, on the host or in the container where it runs; a SIGHUP to
the primary does the same without waiting. Exit code: 0 when every slot has a new worker, else 1: the slots
not named as done keep their old workers.
`;

/** Asks this host's primary for a rolling reload and reports it slot by slot. */
export async function runReload(
  args: readonly string[],
  { adminHost, adminPort }: StatusSettings,
  print: Printer,
): Promise<number> {
  const given = readOptions({ name: 'reload', help: HELP, options: {} }, args, print, notWords);
  if (typeof given === 'number') return given;
  // The admin listener cannot be dialled at a wildcard address, and takes a reload from this machine only.
  const host = ['0.0.0.0', '0', '::'].includes(adminHost) ? '127.0.0.1' : adminHost;
  const url = `http://${hostInUrl(host)}:${adminPort}`;
  const asked = await askForReload(url);
  if (typeof asked === 'string') {
    print.err(`roomcast reload: ${asked}\n`);
    return EXIT.failed;
  }
  return follow(url, asked, print);
}

/** Returns the id of the reload, or why there is none. */
async function askForReload(url: string): Promise<number | string> {
  try {
    const response = await fetch(`${url}/reload`, {
      method: 'POST',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = (await response.json()) as { id?: number; error?: { message?: string } };
    return answer.id ?? answer.error?.message ?? `the primary answered ${response.status}`;
  } catch {
    return `nothing answers at ${url}; is Roomcast running, with this ADMIN_PORT?`;
  }
}

async function follow(url: string, id: number, print: Printer): Promise<number> {
  const shown = new Map<number, string>();
  const until = performance.now() + LONGEST_MS;
  let silentSince: number | undefined;
  while (performance.now() < until) {
    const reload = await readReload(url);
    if (reload === undefined) {
      silentSince ??= performance.now();
      if (performance.now() - silentSince < TIMEOUT_MS) {
        await pause(CHECK_MS);
        continue;
      }
      print.err('roomcast reload: the primary no longer answers\n');
      return EXIT.failed;
    }
    silentSince = undefined;
    // An earlier one still runs; ours follows it.
    if (reload.id >= id) {
      for (const row of reload.slots) {
        const line = lineOf(row);
        if (shown.get(row.slot) !== line) print.out(`${line}\n`);
        shown.set(row.slot, line);
      }
      if (reload.state === 'done') {
        const seconds = ((reload.endedAt ?? 0) - reload.startedAt) / 1_000;
        print.out(`reloaded ${reload.slots.length} workers in ${seconds.toFixed(1)} s\n`);
        return EXIT.ok;
      }
      if (reload.state === 'failed') {
        print.err(`roomcast reload: ${reload.error}\n`);
        return EXIT.failed;
      }
    }
    await pause(CHECK_MS);
  }
  print.err('roomcast reload: it still runs; see roomcast status\n');
  return EXIT.failed;
}

async function readReload(url: string): Promise<ReloadStatus | undefined> {
  try {
    const response = await fetch(`${url}/status`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return ((await response.json()) as { reload?: ReloadStatus }).reload;
  } catch {
    return undefined;
  }
}

function lineOf({ slot, state, pid, clients = 0, message }: ReloadStep): string {
  switch (state) {
    case 'starting':
      return `slot ${slot}: starting a new worker`;
    case 'draining':
      return `slot ${slot}: worker ${pid} serves; ${clients} clients move`;
    case 'done':
      return `slot ${slot}: worker ${pid} serves; the old one has ended`;
    case 'failed':
      return `slot ${slot}: failed: ${message}`;
  }
}
