import { isLoopbackName } from '../host-names.ts';
import type { Parser } from './grammar.ts';
import { SETTINGS, type Settings, type SettingValues } from './settings.ts';
import { isMisspelling } from './spelling.ts';
import { trafficRatesFor } from './traffic-rates.ts';

export interface Environment {
  readonly defaultWorkers: number;
  readonly terminal: boolean;
  /** The number of files that a process may open, if it is known. */
  readonly openFiles?: number | undefined;
}

export type Configuration =
  | { readonly ok: true; readonly settings: Settings; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

const MIN_KEY_CHARS = 16;
const CLIENT_FILES = 0.9;

/** Common shell variables whose names are close to a setting's. */
const OTHER_VARIABLES = new Set(['HOME']);

/** Reads the environment. An empty value counts as not set. Finds every problem, not only the first. */
export function parseConfiguration(
  env: Readonly<Record<string, string | undefined>>,
  around: Environment,
): Configuration {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, { name, parse, fallback }] of Object.entries(SETTINGS)) {
    const raw = env[name]?.trim();
    const parsed = raw ? (parse as Parser<unknown>)(raw) : { value: fallback };
    if ('problem' in parsed) problems.push(`${name} ${parsed.problem}, not ${shown(name, raw ?? '')}`);
    else values[key] = parsed.value;
  }
  if (problems.length > 0) return { ok: false, problems };

  const given = values as unknown as SettingValues;
  const traffic = trafficRatesFor(given);
  const settings: Settings = {
    ...given,
    host: given.host ?? (isOpen(given) ? '127.0.0.1' : '0.0.0.0'),
    front: given.front ?? !usesRedis(given),
    workers: given.workers ?? around.defaultWorkers,
    maxWorkerClients:
      given.maxWorkerClients === 'derived' ? clientsWithin(around.openFiles) : given.maxWorkerClients,
    rateRooms: given.rateRooms === 'derived' ? traffic.rooms : given.rateRooms,
    rateEvents: given.rateEvents === 'derived' ? traffic.events : given.rateEvents,
    rateBytes: given.rateBytes === 'derived' ? traffic.bytes : given.rateBytes,
    rateStored: given.rateStored === 'derived' ? traffic.stored : given.rateStored,
    logPretty: given.logPretty ?? around.terminal,
  };
  problems.push(...conflicts(settings));
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    settings,
    warnings: [...securityWarnings(settings), ...experimentWarnings(settings), ...misspellingWarnings(env)],
  };
}

/**
 * A client takes a file, or two while it polls. The rest is for the store, the bus and what arrives: a worker without files loses
 * its connections to Redis, and resets clients instead of answering them.
 */
function clientsWithin(openFiles: number | undefined): number {
  return openFiles === undefined ? 0 : Math.max(1, Math.floor(openFiles * CLIENT_FILES));
}

function conflicts(settings: Settings): string[] {
  const last = settings.basePort + settings.workers - 1;
  const problems = last > 65_535 ? [`BASE_PORT + WORKERS must stay below 65536, not ${last + 1}`] : [];
  const taken = (value: number) => value >= settings.basePort && value <= last;
  if (settings.front && taken(settings.port))
    problems.push(`PORT ${settings.port} is one of the workers’ ports ${settings.basePort} to ${last}`);
  if (taken(settings.adminPort))
    problems.push(
      `ADMIN_PORT ${settings.adminPort} is one of the workers’ ports ${settings.basePort} to ${last}`,
    );
  if (settings.front && settings.port === settings.adminPort)
    problems.push(`PORT and ADMIN_PORT are both ${settings.port}`);
  problems.push(...redisConflicts(settings));
  // Open mode would ignore them, which an operator who sets them does not expect.
  if (isOpen(settings) && (settings.authAudience ?? settings.authIssuer) !== undefined) {
    problems.push('AUTH_AUDIENCE and AUTH_ISSUER are of tokens: set AUTH_SECRET or AUTH_JWKS_URL too');
  }
  if ((settings.hookUrl ?? settings.hookBeforeSayUrl) !== undefined && settings.hookSecret === undefined) {
    problems.push(
      'HOOK_URL and HOOK_BEFORE_SAY_URL need HOOK_SECRET: without a signature the receiver cannot tell who sends',
    );
  }
  return problems;
}

function redisConflicts(settings: Settings): string[] {
  const { redisUrl, redisSentinels, redisSentinelName, redisCaFile, redisCertFile, redisKeyFile } = settings;
  const problems: string[] = [];
  const choices = redisChoices(settings);
  if (choices.length > 1) problems.push(`${choices.join(' and ')} exclude each other: set one of them`);
  if (settings.ackReplicas > 0 && choices.length === 0)
    problems.push('ACK_REPLICAS is for Redis: set REDIS_URL, REDIS_CLUSTER_NODES or REDIS_SENTINELS too');
  if ((redisSentinels === undefined) !== (redisSentinelName === undefined))
    problems.push('REDIS_SENTINELS and REDIS_SENTINEL_NAME go together: set both or neither');
  if (redisSentinels !== undefined && redisUrl?.startsWith('unix:'))
    problems.push('REDIS_URL is a socket, but REDIS_SENTINELS name a host: write redis:// or rediss://');
  if ((redisCertFile === undefined) !== (redisKeyFile === undefined))
    problems.push('REDIS_CERT_FILE and REDIS_KEY_FILE go together: set both or neither');
  const { redisUrls = [], redisClusterNodes = [] } = settings;
  problems.push(...serverListConflicts(redisUrls), ...clusterNodeConflicts(redisClusterNodes));
  const secured = [redisUrl, ...(redisSentinels ?? []), ...redisUrls, ...redisClusterNodes].some((address) =>
    address?.startsWith('rediss:'),
  );
  if ((redisCaFile ?? redisCertFile) !== undefined && !secured)
    problems.push('REDIS_CA_FILE and REDIS_CERT_FILE are for TLS: write rediss:// in the address of Redis');
  return problems;
}

/** A server's place is told by its host, port and database; channels begin with one number for all servers. */
function serverListConflicts(urls: readonly string[]): string[] {
  const places = urls.map((url) => {
    if (!URL.canParse(url) || !/^rediss?:/.test(url)) {
      return {
        server: url.replace(/^[^/]*\/+|\?.*$/g, '/'),
        database: Number(/\?db=(\d+)/.exec(url)?.[1] ?? 0),
      };
    }
    const { hostname, port, pathname } = new URL(url);
    return { server: `${hostname}:${port || 6379}`, database: Number(pathname.slice(1)) };
  });
  const different = (list: readonly unknown[]) => new Set(list).size;
  const databases = different(places.map(({ database }) => database));
  return [
    ...(different(places.map(({ server, database }) => `${server}/${database}`)) < places.length
      ? ['REDIS_URLS names a server twice']
      : []),
    ...(databases > 1 ? ['REDIS_URLS names different databases: write the same one for every server'] : []),
  ];
}

/** The nodes that are found later have no address of their own in the setting. */
function clusterNodeConflicts(nodes: readonly string[]): string[] {
  const logins = nodes.map((text) => {
    const { protocol, username, password } = new URL(text.includes('://') ? text : `redis://${text}`);
    return `${protocol} ${username} ${password}`;
  });
  return new Set(logins).size > 1
    ? ['REDIS_CLUSTER_NODES must have one user, password and TLS for all nodes']
    : [];
}

function usesRedis(given: RedisChoice): boolean {
  return redisChoices(given).length > 0;
}

type RedisChoice = Pick<SettingValues, 'redisUrl' | 'redisUrls' | 'redisClusterNodes' | 'redisSentinels'>;

/** The settings that say where the data is. REDIS_URL stands for the servers' user, too, beside REDIS_SENTINELS. */
function redisChoices({ redisUrl, redisUrls, redisClusterNodes, redisSentinels }: RedisChoice): string[] {
  return [
    ...(redisSentinels ? ['REDIS_SENTINELS'] : redisUrl ? ['REDIS_URL'] : []),
    ...(redisUrls ? ['REDIS_URLS'] : []),
    ...(redisClusterNodes ? ['REDIS_CLUSTER_NODES'] : []),
  ];
}

/** Open mode: clients do not prove who they are. */
function isOpen({ authSecret, authJwksUrl }: Pick<SettingValues, 'authSecret' | 'authJwksUrl'>): boolean {
  return authSecret === undefined && authJwksUrl === undefined;
}

function securityWarnings(settings: Settings): string[] {
  const warnings: string[] = busWarnings(settings);
  const { authJwksUrl, authAudience, authIssuer, apiKeys } = settings;
  const unchecked = [
    ...(authAudience === undefined ? ['AUTH_AUDIENCE'] : []),
    ...(authIssuer === undefined ? ['AUTH_ISSUER'] : []),
  ];
  if (authJwksUrl !== undefined && unchecked.length > 0) {
    warnings.push(
      `AUTH_JWKS_URL without ${unchecked.join(' and ')}: whatever its keys signed for other applications is good here too`,
    );
  }
  if (apiKeys.some((key) => key.length < MIN_KEY_CHARS)) {
    warnings.push(`API_KEYS has a key shorter than ${MIN_KEY_CHARS} characters: it can be guessed`);
  }
  if (settings.embedOrigins === '*') {
    warnings.push(
      'EMBED_ORIGINS=* lets every site show the page in a frame, and trick its visitors into clicks there (clickjacking)',
    );
  }
  if (settings.avatarOrigins === '*') {
    warnings.push(
      'AVATAR_ORIGINS=* lets every user choose a site that learns the addresses of those who see their avatar',
    );
  }
  const { hookUrl, hookBeforeSayUrl } = settings;
  for (const [name, url] of Object.entries({ HOOK_URL: hookUrl, HOOK_BEFORE_SAY_URL: hookBeforeSayUrl })) {
    if (!isPlainHttpAway(url)) continue;
    warnings.push(`${name} is http: whoever is on the way can read the messages; write https`);
  }
  if (!isOpen(settings) || isLoopbackName(settings.host)) return warnings;
  return [
    ...warnings,
    `HOST=${settings.host} in open mode: everybody who can reach it can come in under any name; named users trust each other`,
  ];
}

function busWarnings(settings: Settings): string[] {
  const { busSecrets, busUnsigned } = settings;
  if (busSecrets !== undefined && !usesRedis(settings)) {
    return ['BUS_SECRET changes nothing without Redis: the workers of one host talk to their primary alone'];
  }
  if (busUnsigned === 'refuse') return [];
  return busSecrets === undefined
    ? ['BUS_UNSIGNED=accept changes nothing without BUS_SECRET: nothing is verified']
    : [
        'BUS_UNSIGNED=accept: whoever may publish on Redis can speak for a worker; remove it once every worker has BUS_SECRET',
      ];
}

function isPlainHttpAway(url: string | undefined): boolean {
  if (url === undefined) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !isLoopbackName(hostname);
}

/** Settings that nobody has operated for long. */
function experimentWarnings({ redisUrls, redisClusterNodes }: Settings): string[] {
  const warnings: string[] = [];
  if (redisUrls !== undefined) {
    warnings.push(
      'REDIS_URLS is experimental: while one of the servers is away, its rooms and inboxes are refused; see deploy/README.md',
    );
  }
  if (redisClusterNodes !== undefined) {
    warnings.push(
      'REDIS_CLUSTER_NODES is experimental: while one of the masters is away, its rooms and inboxes are refused, and those of a slot that moves if that takes longer than a call may; see deploy/README.md',
    );
  }
  return warnings;
}

function misspellingWarnings(env: Readonly<Record<string, string | undefined>>): string[] {
  const names = Object.values(SETTINGS).map(({ name }) => name);
  const warnings: string[] = [];
  for (const variable of Object.keys(env)) {
    if (names.includes(variable) || OTHER_VARIABLES.has(variable)) continue;
    const meant = names.find((name) => isMisspelling(variable, name));
    if (meant !== undefined) warnings.push(`${variable} is not a setting; did you mean ${meant}?`);
  }
  return warnings;
}

/** A wrong value may contain a password or a key. */
const HIDDEN = new Set([
  'REDIS_URL',
  'REDIS_URLS',
  'REDIS_CLUSTER_NODES',
  'REDIS_SENTINELS',
  'AUTH_SECRET',
  'BUS_SECRET',
  'AUTH_JWKS_URL',
  'API_KEYS',
  // An address of a receiver may contain a key.
  'HOOK_URL',
  'HOOK_BEFORE_SAY_URL',
  'HOOK_SECRET',
]);

function shown(name: string, raw: string): string {
  return HIDDEN.has(name) ? 'what was given' : JSON.stringify(raw.slice(0, 80));
}
