import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createAdmission } from '../../../src/chat/admission.ts';
import { createIdentities } from '../../../src/chat/identity.ts';
import { createAnnouncements } from '../../../src/chat/inbox/announcements.ts';
import { createPushService } from '../../../src/chat/inbox/push-service.ts';
import { createMessageChanges } from '../../../src/chat/message-changes.ts';
import { inboxOf, type Room } from '../../../src/chat/room.ts';
import type { RoomSubscription } from '../../../src/chat/room-subscriptions.ts';
import type { RosterEntry, RosterMember, RosterPage } from '../../../src/chat/roster.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import type { ApiContext } from '../../../src/server/http/api-context.ts';
import { openHttp } from '../../../src/server/http/http-server.ts';
import { createUserExports } from '../../../src/server/http/user-exports.ts';
import { createExclusions } from '../../../src/server/moderation/exclusions.ts';
import { createModerator } from '../../../src/server/moderation/moderator.ts';
import type { ChatNamespace } from '../../../src/server/socket-types.ts';
import { createClientAddresses } from '../../../src/server/transport/client-address.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

export const KEYS = ['the-first-key-of-two', 'the-other-key-of-two'] as const;

const OWN_KEY = 'the-only-key-there-is';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Of a body that is none: `{}`. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Question {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
}

export interface StageOptions {
  /** Not given: there is one, which is sent with every question. */
  readonly keys?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly maxTextBytes?: number;
}

/** What is served on a port, over a store in memory. */
export async function openApiStage(options: StageOptions = {}) {
  const { keys = [OWN_KEY], namespaces = ['/', '/post'], maxTextBytes = 1_000 } = options;
  const store = createMemoryStore();
  const roster = createMemoryRoster();
  const lines: Record<string, unknown>[] = [];
  const announced: { nsp: string; roomids: readonly string[]; announcement: unknown }[] = [];
  const disconnected: { nsp: string; userId: string }[] = [];
  const compared: { nsp: string; userId: string }[] = [];
  const ordered: Record<string, unknown>[] = [];
  const expected: { roomid: string; seq: number }[] = [];
  let rooms = 0;
  const remembered: object[] = [];
  let away = () => false;
  const blocked = new Map<string, readonly string[]>();
  const subscribed = new Map<string, readonly RoomSubscription[]>();
  let ids = 0;
  const newId = () => {
    ids += 1;
    return `id-${ids}`;
  };
  const feeds: ApiContext['feeds'] = {
    expectEcho: ({ roomid }, { seq }) => void expected.push({ roomid, seq }),
  };
  const admission = createAdmission({ now: () => performance.now(), random: () => 0.5 });
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const userExports = createUserExports({
    ...store,
    blocks: { list: async ({ tag }) => succeed(blocked.get(tag) ?? []) },
    roomSubscriptions: { list: async ({ tag }) => succeed(subscribed.get(tag) ?? []) },
    admission,
    now: store.now,
    log,
  });
  const context: ApiContext = {
    logs: store.logs,
    loggedRooms: store.loggedRooms,
    feeds,
    changes: createMessageChanges({ logs: store.logs, feeds, newId }),
    mentions: { storing: (_message, append) => append(newId()) },
    roster: { ...roster.roster, connections: store.roster.connections },
    inboxes: store.inboxes,
    announcements: createAnnouncements({ logs: store.logs, inboxes: store.inboxes, newId }),
    admission,
    pushService: createPushService({ ...store, newId, onAppended: () => undefined }),
    idempotency: store.idempotency,
    limits: { maxTextBytes },
    metrics: { said: () => undefined },
    recentAnswers: { note: (answer) => void remembered.push(answer) },
    now: store.now,
    newId,
    announceIn(nsp, roomids, announcement) {
      announced.push({ nsp, roomids, announcement });
      return succeed(undefined);
    },
    async disconnect(nsp, userId) {
      disconnected.push({ nsp, userId });
    },
    async compareInbox(nsp, userId) {
      compared.push({ nsp, userId });
    },
    exclusions: createExclusions({
      ...store,
      namespaces: namespaces.map(
        (name) =>
          ({
            name,
            on: () => undefined,
            serverSideEmit: (_event: string, _command: unknown, done?: (...given: unknown[]) => void) =>
              done?.(null, ['other worker']),
          }) as unknown as ChatNamespace,
      ),
      logins: { sessionsOf: () => [], sessions: () => [] },
      leave: async () => undefined,
      endStreams: () => undefined,
      flush: () => undefined,
      degraded: () => false,
      now: store.now,
      log: pino({ level: 'silent' }),
    }),
    eventStreams: { open: async () => refuse('unavailable', 'not used here') },
    userExports,
    moderator: createModerator({
      moderation: store.moderation,
      enforcement: {
        async remove({ nsp, roomid }, userId, why) {
          if (away()) return refuse('unavailable', 'away', 1);
          ordered.push({ nsp, roomid, userId, ...why });
          return succeed(undefined);
        },
        async mute({ nsp, roomid }, userId, { until }) {
          ordered.push({ nsp, roomid, userId, code: 'muted', ...(until === undefined ? {} : { until }) });
        },
      },
    }),
  };
  const pageDir = await mkdtemp(join(tmpdir(), 'roomcast-page-'));
  for (const folder of ['assets', 'stock-client']) await mkdir(join(pageDir, folder));
  await writeFile(join(pageDir, 'index.html'), '<title>page</title>');
  await writeFile(join(pageDir, 'sdk.js'), '');
  const http = await openHttp({
    pageDir,
    socketPath: '/socket.io/',
    embedOrigins: undefined,
    avatarOrigins: undefined,
    namespaces,
    apiKeys: keys,
    addresses: createClientAddresses({
      trustProxy: undefined,
      onStranger: () => undefined,
      onIgnored: () => undefined,
    }),
    identities: createIdentities('secret', store.now),
    corsOrigin: undefined,
    version: '1.2.3',
    api: context,
    ready: () => succeed(undefined),
    awayServers: () => 0,
    metrics: { contentType: 'text/plain', text: async () => 'numbers' },
    log,
  });
  const server = createServer(http.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    store,
    roster,
    context,
    announced,
    disconnected,
    /** The users whose inboxes the workers compare with the store. */
    compared,
    /** The orders that moderation announced to the workers. */
    ordered,
    /** The entries that this worker expects back from the bus, because it appended them. */
    expected,
    /** The bus is away. */
    degrade(when: boolean) {
      away = () => when;
    },
    /** A room that no test has used, with a name that its path has to encode. */
    newRoom() {
      rooms += 1;
      const roomid = `Räum ${rooms}`;
      return { roomid, path: `/api/v1/rooms/${encodeURIComponent(roomid)}` };
    },
    /** The users whom each user has blocked, and the rooms of each user, by inbox. */
    blocked,
    subscribed,
    /** The log lines. */
    lines,
    /** The decisions that this worker remembers for `roomcast explain`. */
    remembered,
    connect(userId: string, connections: number, nsp = '/') {
      store.connected.set(inboxOf(nsp, userId).tag, connections);
    },
    ask(method: string, path: string, { headers = {}, body }: Question = {}): Promise<Answer> {
      const isText = typeof body === 'string';
      const text = isText || body === undefined ? body : JSON.stringify(body);
      const sent = {
        ...(options.keys === undefined ? { 'x-api-key': OWN_KEY } : {}),
        ...(isText || body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      };
      return exchange({ port, method, path, headers: sent }, text);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await http.close();
      await rm(pageDir, { recursive: true });
    },
  };
}

export type ApiStage = Awaited<ReturnType<typeof openApiStage>>;

/** Not `fetch`, which keeps Host to itself. */
function exchange(
  options: { port: number; method: string; path: string; headers: Record<string, string> },
  body: string | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, text, json: jsonOf(text) });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function createMemoryRoster() {
  const present = new Map<string, { room: Room; members: Map<string, RosterMember>; clients: number }>();
  const order = (one: string, other: string) => (one < other ? -1 : 1);

  function page<T>(all: readonly T[], idOf: (one: T) => string, { after, limit }: RosterPage) {
    const rest = all.filter((one) => after === undefined || idOf(one) > after);
    const found = rest.slice(0, limit);
    const last = found.at(-1);
    return { found, ...(rest.length > limit && last !== undefined ? { next: idOf(last) } : {}) };
  }
  const counts = (room: Room) => {
    const { members, clients } = present.get(room.tag) ?? { members: new Map(), clients: 0 };
    return { users: members.size, clients };
  };
  const roster: Pick<ApiContext['roster'], 'count' | 'members' | 'rooms'> = {
    count: async (room) => succeed({ rev: 1, ...counts(room) }),
    async members(room, query) {
      const all = [...(present.get(room.tag)?.members.values() ?? [])];
      all.sort((one, other) => order(one.userId, other.userId));
      const { found, ...next } = page(all, ({ userId }) => userId, query);
      return succeed({ rev: 1, members: found, ...next });
    },
    async rooms(nsp, query) {
      const all = [...present.values()].map(({ room }) => room).filter((room) => room.nsp === nsp);
      all.sort((one, other) => order(one.roomid, other.roomid));
      const { found, ...next } = page(all, ({ roomid }) => roomid, query);
      return succeed({ rooms: found.map((room) => ({ roomid: room.roomid, ...counts(room) })), ...next });
    },
  };
  return {
    roster,
    enter(room: Room, user: RosterEntry, clients = 1) {
      const entered = present.get(room.tag) ?? { room, members: new Map(), clients: 0 };
      entered.members.set(user.userId, { ...user, clients, state: 'online', seenAt: 1_000 });
      entered.clients += clients;
      present.set(room.tag, entered);
    },
  };
}
