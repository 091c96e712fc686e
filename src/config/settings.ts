import { isIP } from 'node:net';
import { isHostName } from '../host-names.ts';
import {
  avatarOrigins,
  embedOrigins,
  flag,
  httpUrl,
  integer,
  list,
  matching,
  oneOf,
  origins,
  path,
  personName,
  proxies,
  type Rate,
  signingSecret,
  urlPath,
} from './grammar.ts';
import { HOOK_SETTINGS } from './hook-settings.ts';
import { LIMIT_SETTINGS } from './limit-settings.ts';
import { REDIS_SETTINGS } from './redis-settings.ts';
import { setting } from './setting.ts';

const port = integer(1, 65_535);
const address = (raw: string) =>
  isIP(raw) || isHostName(raw) ? { value: raw } : { problem: 'must be an IP address or a host name' };
const secret = matching(/^[\x21-\x7e]+$/, 'printable ASCII without spaces');
const claim = matching(/^[^\p{C}]{1,512}$/u, 'the text that stands in the tokens');
const namespace = matching(/^\/[A-Za-z0-9_-]*$/, '/ or names such as /post');
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** The one table of settings: parsed from here, printed by `roomcast start --help`, compared with deploy/README.md. */
export const SETTINGS = {
  host: setting<string | undefined>(
    'HOST',
    undefined,
    address,
    'address of the front door and the workers. In open mode another address than loopback lets in everybody who can reach it; the start warns of that',
    '127.0.0.1 in open mode, else 0.0.0.0',
  ),
  port: setting('PORT', 3000, port, 'front door'),
  front: setting<boolean | undefined>(
    'FRONT',
    undefined,
    flag,
    'on: the primary opens the front door; off: it does not',
    'on embedded, off cluster',
  ),
  workers: setting<number | undefined>(
    'WORKERS',
    undefined,
    integer(1, 256),
    'worker processes',
    'one per core, within the cgroup’s CPU quota',
  ),
  basePort: setting('BASE_PORT', 6001, port, 'the worker of slot i (from 0) listens on BASE_PORT + i'),
  adminPort: setting(
    'ADMIN_PORT',
    5999,
    port,
    'the live page of the host, and its /healthz, /readyz, /metrics and /status',
  ),
  adminHost: setting<string>('ADMIN_HOST', '127.0.0.1', address, 'address of the admin listener'),
  ...REDIS_SETTINGS,
  keyPrefix: setting<string>(
    'KEY_PREFIX',
    'rc',
    matching(/^[^{}#\s]{1,64}$/, '1 to 64 characters without { } # or spaces'),
    'first part of every Redis key and channel. In a database other than 0, channels begin with KEY_PREFIX#database',
  ),
  dataDir: setting<string>(
    'DATA_DIR',
    './data',
    path,
    'folder of the embedded store, locked to one primary, and of the file api-key unless API_KEYS is set',
  ),
  socketPath: setting<string>(
    'SOCKET_PATH',
    '/socket.io/',
    urlPath,
    'path of Socket.IO. {SOCKET_PATH}socket.io.js is the stock client',
  ),
  namespaces: setting<readonly string[]>(
    'NAMESPACES',
    ['/'],
    list(namespace),
    'comma list of Socket.IO namespaces. Each has the same protocol; they share nothing',
  ),
  corsOrigin: setting<readonly string[] | '*' | undefined>(
    'CORS_ORIGIN',
    undefined,
    origins,
    'comma list of origins of any scheme (capacitor://localhost), https://*.example.org for all names below one, or *. Also checked on the WebSocket handshake',
    'same host name',
  ),
  embedOrigins: setting<readonly string[] | '*' | undefined>(
    'EMBED_ORIGINS',
    undefined,
    embedOrigins,
    'comma list of http: and https: origins whose pages may show the page in an iframe, https://*.example.org for all names below one, or *, of which the start warns. The address of such a frame has ?embed=1',
    '– (none)',
  ),
  avatarOrigins: setting<readonly string[] | '*' | undefined>(
    'AVATAR_ORIGINS',
    undefined,
    avatarOrigins,
    'comma list of https: origins from which the page loads avatars, https://*.example.org for all names below one, or *, of which the start warns: whoever serves a picture learns the addresses of those who see it. The page draws other avatars as initials',
    '– (none)',
  ),
  reservedNames: setting<readonly string[]>(
    'RESERVED_NAMES',
    [],
    list(personName),
    'comma list of usernames that people may not take, nor what looks like them; back ends may. roomcast is always among them',
    '–',
  ),
  allowEio3: setting('ALLOW_EIO3', false, flag, 'lets Socket.IO 2.x clients connect', 'off'),
  pingIntervalMs: setting(
    'PING_INTERVAL_MS',
    25_000,
    integer(100, 3_600_000),
    'time between two heartbeats of a connection',
  ),
  pingTimeoutMs: setting(
    'PING_TIMEOUT_MS',
    20_000,
    integer(100, 3_600_000),
    'a client that does not answer a heartbeat for this long is gone',
  ),
  authSecret: setting<string | undefined>(
    'AUTH_SECRET',
    undefined,
    signingSecret,
    'HS256 secret of the users’ tokens (JWT), at least 32 bytes. Token mode is on if this or AUTH_JWKS_URL is set',
    '– (open mode)',
  ),
  authJwksUrl: setting<string | undefined>(
    'AUTH_JWKS_URL',
    undefined,
    httpUrl,
    'address of the key set (JWKS) of the users’ tokens. Read again when a token names an unknown key',
    '–',
  ),
  authAudience: setting<string | undefined>(
    'AUTH_AUDIENCE',
    undefined,
    claim,
    'required aud of a token. Unset: any, so tokens made for another application are valid here too',
    '–',
  ),
  authIssuer: setting<string | undefined>(
    'AUTH_ISSUER',
    undefined,
    claim,
    'required iss of a token. Unset: any',
    '–',
  ),
  apiKeys: setting<readonly string[]>(
    'API_KEYS',
    [],
    list(secret, () => 'not shown here'),
    'comma list of keys for the HTTP API. Unset: the first start makes one, in DATA_DIR/api-key',
    '–',
  ),
  historySize: setting('HISTORY_SIZE', 1000, integer(1, 1_000_000), 'messages kept per room'),
  historyTtlS: setting(
    'HISTORY_TTL_S',
    604_800,
    integer(1, 315_360_000),
    'seconds that a room’s messages are kept, from its last one',
  ),
  inboxSize: setting('INBOX_SIZE', 1000, integer(1, 1_000_000), 'items kept per person, and announcements'),
  inboxTtlS: setting(
    'INBOX_TTL_S',
    2_592_000,
    integer(1, 315_360_000),
    'seconds that a person’s items are kept, from the last one',
  ),
  todoLive: setting<'all' | 'rooms'>(
    'TODO_LIVE',
    'all',
    oneOf(['all', 'rooms']),
    'all: the ack of a todo tells every sender its position in the receiver’s inbox and the receiver’s connections. rooms: like that of a private message, it tells only those who are in a room with the receiver',
  ),
  ...LIMIT_SETTINGS,
  trustProxy: setting<readonly string[] | undefined>(
    'TRUST_PROXY',
    undefined,
    proxies,
    'proxies whose X-Forwarded-For names the client: comma list of addresses, networks such as 10.0.0.0/8, loopback, linklocal, uniquelocal, or off. If set, there are no other proxies, and one that names no client has no limit by address. If unset, requests with such headers from a private network have no limit by address',
    'loopback',
  ),
  dedupeTtlS: setting(
    'DEDUPE_TTL_S',
    600,
    integer(1, 604_800),
    'seconds that a clientMsgId is remembered at least',
  ),
  flushWindowMs: setting(
    'FLUSH_WINDOW_MS',
    40,
    integer(0, 1_000),
    'longest time that a busy room’s messages are gathered for one write. They are gathered only while all threads of the worker need more than 70 % of a core, and longest from 90 % on',
  ),
  maxBufferedBytes: setting(
    'MAX_BUFFERED_BYTES',
    1_048_576,
    integer(16_384, 1_073_741_824),
    'bytes that may wait for one client. A client beyond it is closed with bye 3008, reconnects and resumes',
  ),
  drainS: setting(
    'DRAIN_S',
    30,
    integer(0, 3_600),
    'longest drain in seconds. It ends as soon as no client is left',
  ),
  drainDelayS: setting(
    'DRAIN_DELAY_S',
    2,
    integer(0, 600),
    'seconds between a stop’s first step, /readyz refuses, and its next, the listeners close: proxies look away meanwhile',
  ),
  ...HOOK_SETTINGS,
  logLevel: setting<(typeof LEVELS)[number]>('LOG_LEVEL', 'info', oneOf(LEVELS), LEVELS.join(', ')),
  logPretty: setting<boolean | undefined>(
    'LOG_PRETTY',
    undefined,
    flag,
    'logs for people instead of JSON',
    'on in a terminal',
  ),
} as const;

/** Every setting as it was given, or its default. */
export type SettingValues = { -readonly [K in keyof typeof SETTINGS]: (typeof SETTINGS)[K]['fallback'] };

/** Every setting with its value, those that depend on others resolved. */
export type Settings = Omit<
  SettingValues,
  | 'host'
  | 'front'
  | 'workers'
  | 'maxWorkerClients'
  | 'rateRooms'
  | 'rateEvents'
  | 'rateBytes'
  | 'rateStored'
  | 'logPretty'
> & {
  readonly host: string;
  readonly front: boolean;
  readonly workers: number;
  /** 0: no limit. */
  readonly maxWorkerClients: number;
  readonly rateRooms: Rate | undefined;
  readonly rateEvents: Rate | undefined;
  readonly rateBytes: Rate | undefined;
  readonly rateStored: Rate | undefined;
  readonly logPretty: boolean;
};
