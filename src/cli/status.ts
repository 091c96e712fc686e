import { hostInUrl } from '../host-names.ts';
import type { Printer } from './nginx.ts';
import { EXIT, notWords, readOptions } from './options.ts';
import { type Counters, type HostStatus, ratesBetween, statusTable, sumOf } from './status-table.ts';

export interface StatusSettings {
  readonly adminHost: string;
  readonly adminPort: number;
}

export interface StatusDeps {
  readonly settings: StatusSettings;
  /** Standard output is a terminal: the table is drawn again and again. */
  readonly terminal: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly print: Printer;
}

const TIMEOUT_MS = 5_000;
const LOOK_MS = 2_000;
/** Moves the cursor home and clears the screen from there. */
const REDRAW = '\u001b[H\u001b[J';

/** Shows the cluster as this host's primary knows it. */
export async function runStatus(args: readonly string[], deps: StatusDeps): Promise<number> {
  const { terminal, signal, now, print } = deps;
  const given = readOptions(COMMAND, args, print, notWords);
  if (typeof given === 'number') return given;
  const { adminHost, adminPort } = deps.settings;
  const host = ['0.0.0.0', '0', '::'].includes(adminHost) ? '127.0.0.1' : adminHost;
  const url = `http://${hostInUrl(host)}:${adminPort}`;
  const isLive = terminal && !given.values.once && !given.values.json;

  let before: Counters | undefined;
  for (;;) {
    const status = await askStatus(url);
    if (status === undefined) {
      print.err(
        `roomcast status: nothing answers at ${url}/status; is Roomcast running, with this ADMIN_PORT?\n`,
      );
      return EXIT.failed;
    }
    if (given.values.json) {
      print.out(`${JSON.stringify(status, null, 2)}\n`);
      return EXIT.ok;
    }
    const counters = isLive ? await askCounters(url) : undefined;
    const rates = before && counters && ratesBetween(before, counters);
    before = counters;
    print.out(`${isLive ? REDRAW : ''}${statusTable(status, now(), rates)}`);
    if (!isLive || !(await pause(LOOK_MS, signal))) return EXIT.ok;
  }
}

async function askStatus(url: string): Promise<HostStatus | undefined> {
  try {
    const response = await fetch(`${url}/status`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok ? ((await response.json()) as HostStatus) : undefined;
  } catch {
    return undefined;
  }
}

async function askCounters(url: string): Promise<Counters | undefined> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    const stored = sumOf(text, 'roomcast_messages_stored_total');
    const delivered = sumOf(text, 'roomcast_messages_delivered_total');
    return { atMs: performance.now(), stored, delivered };
  } catch {
    return undefined;
  }
}

/** Resolves with false if the signal ends the wait. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve(true);
    }, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}

const HELP = `Usage: roomcast status [--once] [--json]

Shows the cluster: its hosts with their workers and clients, and the workers of this host with their state,
clients, rooms, loop delay and memory. In a terminal it shows itself anew every ${LOOK_MS / 1_000} s, with what is stored and
delivered per second on this host, until Ctrl-C. It asks the primary at ADMIN_HOST and ADMIN_PORT.

  --once   show it once
  --json   print /status of the primary, once

Example:
  roomcast status --once

Exit code: 0 done, 1 no primary answers, 2 wrong arguments.
`;

const COMMAND = { name: 'status', help: HELP, options: { once: 'boolean', json: 'boolean' } } as const;
