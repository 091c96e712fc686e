import { hostInUrl } from '../host-names.ts';
import { elapsed } from '../load/elapsed.ts';
import { readDuration } from '../load/plan/quantities.ts';
import { measure } from '../load/profile/measure.ts';
import { type Reading, readMetrics } from '../load/profile/metrics-page.ts';
import { type Profile, profileOf } from '../load/profile/profile.ts';
import { profileSummary } from '../load/profile/summary.ts';
import { type ApiAccess, type ApiSettings, findApi } from './api-access.ts';
import type { Printer } from './nginx.ts';
import { EXIT, type GivenOptions, readOptions } from './options.ts';
import type { StatusSettings } from './status.ts';

export interface ProfileDeps {
  readonly settings: ApiSettings & Pick<StatusSettings, 'adminPort'>;
  readonly version: string;
  /** Ms since 1970. */
  readonly now: () => number;
  /** Aborted by Ctrl-C: the profile is of the time until then. */
  readonly signal: AbortSignal;
  readonly print: Printer;
}

const DURATION = '60s';
const MIN_DURATION_MS = 1_000;
const MAX_DURATION_MS = 24 * 3_600_000;
const ANSWER_MS = 10_000;
const ROOMS_PER_PAGE = 200;

/** Why a profile cannot be had, in a sentence. */
class NoProfile extends Error {}

/** Measures the load of a running chat, for `roomcast load --profile`. */
export async function runProfile(args: readonly string[], deps: ProfileDeps): Promise<number> {
  const { print } = deps;
  const given = readOptions(COMMAND, args, print, problemsOf);
  if (typeof given === 'number') return given;
  try {
    const profile = await take(given, deps);
    print.out(`${JSON.stringify(profile, null, 2)}\n`);
    print.err(profileSummary(profile));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof NoProfile)) throw error;
    print.err(`roomcast profile: ${error.message}\n`);
    return EXIT.failed;
  }
}

function problemsOf({ words, values }: GivenOptions): string[] {
  const [url, more] = words;
  if (url === undefined) return ['URL is needed: the chat, such as http://127.0.0.1:3000'];
  if (more !== undefined)
    return [`${JSON.stringify(more)} is one URL too many: other hosts belong to --metrics`];
  const problems = [url, ...addressesOf(values.metrics)]
    .filter((address) => !/^https?:\/\/[^/]/i.test(address) || !URL.canParse(address))
    .map((address) => `${JSON.stringify(address)} is no address such as http://127.0.0.1:3000`);
  const twice = addressesOf(values.metrics).find((address, at, all) => all.indexOf(address) !== at);
  if (twice !== undefined) problems.push(`--metrics names ${twice} twice: name each host once`);
  const durationMs = readDuration(String(values.duration ?? DURATION));
  if (durationMs === undefined || durationMs < MIN_DURATION_MS || durationMs > MAX_DURATION_MS)
    problems.push(`--duration takes a time from 1s to 24h, not ${JSON.stringify(values.duration)}`);
  return problems;
}

const addressesOf = (list: string | boolean | undefined): string[] =>
  list === undefined
    ? []
    : String(list)
        .split(',')
        .map((address) => address.trim().replace(/\/+$/, ''));

async function take({ words, values }: GivenOptions, deps: ProfileDeps): Promise<Profile> {
  const { settings, version, now, signal } = deps;
  const url = String(words[0]).replace(/\/+$/, '');
  const access = await accessTo(url, values['api-key'] as string | undefined, settings);
  const named = addressesOf(values.metrics);
  const hosts = named.length > 0 ? named : [`http://${hostInUrl(hostOf(url))}:${settings.adminPort}`];
  const takenAt = new Date(now()).toISOString();
  // A refusal should come before the wait.
  await roomsOf(access, 1);
  const first = await read(hosts);
  const firstMs = performance.now();
  await elapsed(readDuration(String(values.duration ?? DURATION)) ?? 0, signal);
  const [last, sampledMs] = [await read(hosts), performance.now() - firstMs];
  const rooms = await roomsOf(access);
  const measures = measure({ first, last, sampledMs, rooms });
  if (measures === undefined)
    throw new NoProfile('a host was started again meanwhile: take the profile once more');
  return profileOf(measures, { version, takenAt, sampledMs: Math.round(sampledMs) });
}

/** The key in the file is this machine's: another server must not be sent it. */
async function accessTo(url: string, key: string | undefined, settings: ApiSettings): Promise<ApiAccess> {
  const own = await findApi(settings, {});
  return sameSite(own.url, url) ? { url, key: key ?? own.key } : findApi(settings, { url, key });
}

function sameSite(one: string, other: string): boolean {
  const [a, b] = [new URL(one), new URL(other)];
  const name = ({ hostname }: URL) => (hostname === 'localhost' ? '127.0.0.1' : hostname);
  return name(a) === name(b) && a.port === b.port && a.protocol === b.protocol;
}

const hostOf = (url: string) => new URL(url).hostname.replace(/^\[|\]$/g, '');

async function read(hosts: readonly string[]): Promise<Reading> {
  const pages = await Promise.all(
    hosts.map(async (host) => {
      const url = `${host}/metrics`;
      const response = await answer(url);
      if (!response.ok)
        throw new NoProfile(`${url} answers HTTP ${response.status}: name the admin port of a host`);
      return { url, text: await response.text() };
    }),
  );
  const read = readMetrics(pages);
  if ('problem' in read) throw new NoProfile(read.problem);
  const { hosts: all } = read.reading;
  if (all > hosts.length)
    throw new NoProfile(
      `the cluster has ${all} hosts, and ${hosts.length} of their metrics: name the admin ports of all, --metrics URL,URL`,
    );
  // A host whose address stands there twice would count twice.
  if (all > 0 && all < hosts.length)
    throw new NoProfile(
      `--metrics has ${hosts.length} addresses, and the cluster fewer hosts (${all}): name the admin port of each host once`,
    );
  return read.reading;
}

async function answer(url: string, headers: Record<string, string> = {}): Promise<Response> {
  try {
    return await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    throw new NoProfile(`${url} does not answer (${cause?.code ?? message})`);
  }
}

/** The clients of each room. */
async function roomsOf({ url, key }: ApiAccess, pages = Number.POSITIVE_INFINITY): Promise<number[]> {
  const sizes: number[] = [];
  let after: string | undefined;
  for (let page = 0; page < pages; page += 1) {
    const query = new URLSearchParams({
      limit: String(ROOMS_PER_PAGE),
      ...(after !== undefined && { after }),
    });
    const asked = `${url}/api/v1/rooms`;
    const response = await answer(`${asked}?${query}`, key === undefined ? {} : { 'x-api-key': key });
    if (response.status === 401 || response.status === 403)
      throw new NoProfile(`${asked} needs an API key: give --api-key, or set API_KEYS`);
    if (!response.ok) throw new NoProfile(`${asked} answers HTTP ${response.status}`);
    const { rooms, next } = (await response.json()) as {
      readonly rooms: readonly { readonly clients: number }[];
      readonly next?: string;
    };
    sizes.push(...rooms.map(({ clients }) => clients));
    if (next === undefined) break;
    after = next;
  }
  return sizes;
}

const HELP = `Usage: roomcast profile URL [options] > FILE

Measures the load of a running chat, for roomcast load --profile: says, deliveries, connects and departures per
second, the lengths of texts, the sizes of rooms, the part of private messages and of polling clients. It reads
counters and sizes, never a text, a name or a room's id. The rooms are asked at URL, the counters at the admin port
of each host.

  --duration TIME    how long to measure: 60s, 5m, 1h; Ctrl-C ends it early [${DURATION}]
  --metrics URL,URL  the admin ports of all hosts [the host of URL, with ADMIN_PORT]
  --api-key KEY      of the HTTP API [the first of API_KEYS; of this machine's server, the one in DATA_DIR]

Example:
  roomcast profile http://127.0.0.1:3000 --duration 5m > profile.json
  roomcast load http://127.0.0.1:3000 --profile profile.json

Exit code: 0 done, 1 it cannot be measured, 2 wrong arguments.
`;

const COMMAND = {
  name: 'profile',
  help: HELP,
  options: { duration: 'string', metrics: 'string', 'api-key': 'string' },
} as const;
