import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DialectName } from '../driver/orders.ts';
import type { Profile } from '../profile/profile.ts';
import { replayNotes } from '../profile/replay.ts';
import type { LoadConfig } from '../result.ts';
import { type PlannedFault, readFaults } from './faults.ts';
import { readCount, readDuration, readRate, readShare } from './quantities.ts';
import { readReplay, TEXT_LIMITS, unfitMeasure } from './replay.ts';
import { readServerUrl, type ServerUrl } from './server-url.ts';

/** The command line, read. */
export interface LoadOptions {
  readonly config: LoadConfig;
  /** The language of the servers. */
  readonly dialectName: DialectName;
  readonly servers: readonly ServerUrl[];
  /** Another server, or several, that have the same load by turns. */
  readonly versus?: Pick<LoadOptions, 'dialectName' | 'servers'> & { readonly dialect: string };
  readonly faults: readonly PlannedFault[];
  readonly tokenSecret: string | undefined;
  /** Files to write. */
  readonly json: string | undefined;
  readonly report: string | undefined;
}

export interface OptionDefaults {
  readonly cores: number;
  readonly seed: number;
  /** The profile of `--profile`. Its measures take the place of defaults. */
  readonly profile?: Profile | undefined;
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

export const DEFAULTS = {
  clients: '5000',
  rooms: '100',
  rate: '200/s',
  duration: '60s',
  ramp: '100/s',
  size: '100',
  transport: 'websocket',
  skew: 'even',
  churn: '0/s',
  private: '0%',
  dialect: 'roomcast',
  'max-errors': '1%',
  'max-lag': '100ms',
} as const;

const MAX_CLIENTS = 1_000_000;
const MAX_RATE = 1_000_000;
const { minBytes: MIN_TEXT_BYTES, maxBytes: MAX_TEXT_BYTES } = TEXT_LIMITS;
const MAX_DURATION_MS = 24 * 3_600_000;
const MAX_PROCESSES = 64;
/** Beyond this many clients another driver process is worth its memory. */
const CLIENTS_PER_PROCESS = 20_000;
/** The p99 that `--steps` looks for unless it is told another. */
const STEPS_MAX_P99_MS = 100;

const TRANSPORTS = ['websocket', 'polling', 'mix'] as const;
const SKEWS = ['even', 'zipf'] as const;

/** Reads every option and finds every problem, not only the first; each with what would be right. */
export function readLoadOptions(
  words: readonly string[],
  values: Values,
  defaults: OptionDefaults,
): {
  readonly options: LoadOptions;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
} {
  const { profile } = defaults;
  const problems: string[] = [];
  const replayed = profile === undefined ? undefined : readReplay(profile, values, problems);
  const standard: Readonly<Record<string, string>> = { ...DEFAULTS, ...replayed?.defaults };
  const textOf = (name: string) => (values[name] as string | undefined) ?? standard[name];

  function take(
    name: string,
    read: (text: string) => number | undefined,
    [min, max]: readonly [number, number],
    grammar: string,
  ): number {
    const text = textOf(name) as string;
    const value = read(text);
    if (value !== undefined && value >= min && value <= max) return value;
    problems.push(
      values[name] === undefined && replayed?.defaults[name] !== undefined
        ? unfitMeasure(name, text, grammar)
        : `--${name} takes ${grammar}, not ${JSON.stringify(text)}`,
    );
    return min;
  }

  function oneOf<const T extends string>(name: string, known: readonly T[]): T {
    const text = textOf(name);
    const value = known.find((each) => each === text);
    if (value === undefined)
      problems.push(`--${name} takes ${known.join(', ')}, not ${JSON.stringify(text)}`);
    return value ?? (known[0] as T);
  }

  const servers = readUrls('URL', words, problems);
  if (words.length === 0) problems.push('URL is needed: the server to load, such as http://127.0.0.1:3000');

  const clients = take('clients', readCount, [1, MAX_CLIENTS], `a whole number from 1 to ${MAX_CLIENTS}`);
  const rooms = take('rooms', readCount, [1, MAX_CLIENTS], `a whole number from 1 to ${MAX_CLIENTS}`);
  if (rooms > clients) problems.push(`--rooms ${rooms} needs as many --clients; there are ${clients}`);
  const durationMs = take(
    'duration',
    readDuration,
    [100, MAX_DURATION_MS],
    'a time up to 24h, such as 60s or 5m',
  );
  const steps = readSteps(values.steps, problems);
  const faults =
    values.fault === undefined
      ? { faults: [], problems: [] }
      : readFaults(String(values.fault), durationMs * Math.max(1, steps.length));
  problems.push(...faults.problems);
  const seed =
    values.seed === undefined ? defaults.seed : take('seed', readCount, [0, 2 ** 31], 'a whole number');
  const processes =
    values.processes === undefined
      ? Math.max(Math.min(defaults.cores, 2, rooms, clients), Math.ceil(clients / CLIENTS_PER_PROCESS))
      : take('processes', readCount, [1, MAX_PROCESSES], `a whole number from 1 to ${MAX_PROCESSES}`);
  if (processes > clients)
    problems.push(`--processes ${processes} needs as many --clients; there are ${clients}`);
  const secret = values['token-secret'] as string | undefined;
  if (secret !== undefined && secret.length < 32)
    problems.push('--token-secret has at least 32 bytes, as AUTH_SECRET of the servers');
  const maxP99Ms =
    values['max-p99'] === undefined
      ? steps.length > 0
        ? STEPS_MAX_P99_MS
        : undefined
      : take('max-p99', readDuration, [1, MAX_DURATION_MS], 'a time such as 100ms');
  const size = `a number of bytes from ${MIN_TEXT_BYTES}, which say where a message is from, to ${MAX_TEXT_BYTES}`;
  const rate = 'a rate such as 200/s';

  const dialect = textOf('dialect') as string;
  const dialectName = readDialectOption('dialect', dialect, problems);
  const versus = readVersus(values, { dialect, dialectName }, problems);
  if (versus !== undefined && faults.faults.length > 0)
    problems.push('--fault and --vs cannot be combined: a fault would meet one of the servers only');
  const privateShare = take('private', readShare, [0, 1], 'a share such as 5%');
  if (
    privateShare > 0 &&
    [dialectName, versus?.dialectName ?? 'roomcast'].some((name) => name !== 'roomcast')
  )
    problems.push('--private needs --dialect roomcast: no other has messages to one user');

  const config: LoadConfig = {
    urls: servers.map(({ url }) => url),
    dialect,
    clients,
    rooms,
    ratePerS: take('rate', readRate, [0.01, MAX_RATE], rate),
    durationMs,
    rampPerS: take('ramp', readRate, [0.1, MAX_RATE], rate),
    textBytes: take('size', readCount, [MIN_TEXT_BYTES, MAX_TEXT_BYTES], size),
    transport: oneOf('transport', TRANSPORTS),
    skew: profile !== undefined && values.skew === undefined ? 'profile' : oneOf('skew', SKEWS),
    ...(replayed && problems.length === 0 && { replay: replayed.configOf({ clients, rooms }) }),
    churnPerS: take('churn', readRate, [0, MAX_RATE], rate),
    privateShare,
    seed,
    processes,
    ...(maxP99Ms !== undefined && { maxP99Ms }),
    maxErrorShare: take('max-errors', readShare, [0, 1], 'a share such as 1%'),
    maxLagMs: take('max-lag', readDuration, [1, MAX_DURATION_MS], 'a time such as 100ms'),
    faults: faults.faults.map(({ name }) => name),
    stepRatesPerS: steps,
  };
  return {
    options: {
      config,
      dialectName,
      servers,
      ...(versus && { versus }),
      faults: faults.faults,
      tokenSecret: secret,
      json: values.json as string | undefined,
      report: values.report as string | undefined,
    },
    problems,
    notes:
      profile === undefined || config.replay === undefined
        ? []
        : replayNotes(profile, config.replay, TEXT_LIMITS),
  };
}

const DIALECTS = 'roomcast, s3';

/** A word is one of the built-in dialects, a path is a module. */
export function readDialect(text: string): DialectName | undefined {
  if (text === 'roomcast' || text === 's3') return text;
  return /\.m?js$/.test(text) ? (pathToFileURL(resolve(text)).href as DialectName) : undefined;
}

function readDialectOption(name: string, text: string, problems: string[]): DialectName {
  const known = readDialect(text);
  if (known === undefined)
    problems.push(`--${name} takes ${DIALECTS}, or a file such as ./chat.mjs, not ${JSON.stringify(text)}`);
  return known ?? 'roomcast';
}

/** The other server speaks the dialect of the first unless it has one of its own. */
function readVersus(
  values: Values,
  first: { readonly dialect: string; readonly dialectName: DialectName },
  problems: string[],
): LoadOptions['versus'] {
  const own = values['vs-dialect'] as string | undefined;
  if (values.vs === undefined) {
    if (own !== undefined) problems.push('--vs-dialect needs --vs, the address of the other server');
    return undefined;
  }
  return {
    dialect: own ?? first.dialect,
    dialectName: own === undefined ? first.dialectName : readDialectOption('vs-dialect', own, problems),
    servers: readUrls('--vs', String(values.vs).split(','), problems),
  };
}

function readUrls(name: string, given: readonly string[], problems: string[]): ServerUrl[] {
  return given.flatMap((word) => {
    const url = readServerUrl(word);
    if (url === undefined)
      problems.push(
        `${name} must be an address such as http://127.0.0.1:3000, without user, password or query, not ${JSON.stringify(shownUrl(word))}`,
      );
    return url ?? [];
  });
}

/** A password does not reach the terminal. */
function shownUrl(word: string): string {
  return word.replace(/\/\/[^/]*@/, '//…@');
}

function readSteps(given: string | boolean | undefined, problems: string[]): number[] {
  if (given === undefined) return [];
  const rates = String(given)
    .split(',')
    .map((part) => readRate(part.trim()));
  const isRising = rates.every(
    (rate, at) =>
      rate !== undefined && rate > 0 && rate <= MAX_RATE && (at === 0 || rate > (rates[at - 1] ?? 0)),
  );
  if (isRising) return rates as number[];
  problems.push(`--steps takes rising rates such as 1k,2k,4k, not ${JSON.stringify(given)}`);
  return [];
}
