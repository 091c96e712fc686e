import { pino } from 'pino';
import { BackendError, type BackendOptions } from '../backend/backend.ts';
import { type MoveSummary, moveToRedis } from '../backend/move/move-to-redis.ts';
import type { MovedKind } from '../backend/moved-rows.ts';
import type { Printer } from './nginx.ts';
import { EXIT, notWords, readOptions } from './options.ts';

export type MoveSettings = BackendOptions & { readonly namespaces: readonly string[] };

const COMMAND = {
  name: 'move-to-redis',
  options: { 'forget-ids': 'boolean' },
  help: `Usage: roomcast move-to-redis [--forget-ids]

Copies everything in DATA_DIR (embedded mode) into the empty Redis of REDIS_URL, REDIS_SENTINELS, REDIS_URLS or
REDIS_CLUSTER_NODES, under KEY_PREFIX: messages with their numbers, inboxes and receipts, read markers, bans and
mutes, remembered clientMsgIds and Idempotency-Keys, the secret and the key of the HTTP API. Then it reads all of
it back, compares, and prints for each kind the number and the SHA-256 that both stores have.

Stop the server first; it is refused while one runs. DATA_DIR stays as it was. No host starts on the Redis before
everything is equal. If the command is cut off, run it again: it begins anew. Clients that come back to a host on
the Redis resume as after a restart. Give it the environment of the server: it is refused if HISTORY_SIZE,
HISTORY_TTL_S, INBOX_SIZE, INBOX_TTL_S, DEDUPE_TTL_S or NAMESPACES are not those that the server last ran with.
The user of the Redis needs +scan beside the rights of the server.

  --forget-ids   also if some clientMsgIds that an earlier release remembered cannot be moved

Example:
  DATA_DIR=/var/lib/roomcast REDIS_URL=redis://10.0.0.5:6379 roomcast move-to-redis

Exit code: 0 done, 1 not done, and why, 2 wrong arguments.
`,
} as const;

/** The operator's words for the kinds. */
const NAMES: { readonly [K in MovedKind]: string } = {
  secrets: 'secret, API key',
  logs: 'rooms, inboxes',
  entries: 'messages, items',
  uncounted: 'uncounted as unread',
  dedupe: 'clientMsgIds',
  markers: 'inbox markers',
  subscriptions: 'rooms of users',
  ownMessages: 'own newest messages',
  restrictions: 'bans, mutes',
  blocks: 'blocked users',
  mentions: 'unfinished mentions',
  pushes: 'push receipts',
  claims: 'Idempotency-Keys',
};

const NAME_WIDTH = Math.max(...Object.values(NAMES).map(({ length }) => length));
const COUNT_WIDTH = 12;
const PROGRESS_MS = 1_000;

/** Moves an embedded store to Redis; returns the exit code. */
export async function runMoveToRedis(
  args: readonly string[],
  settings: MoveSettings,
  print: Printer,
): Promise<number> {
  const given = readOptions(COMMAND, args, print, notWords);
  if (typeof given === 'number') return given;
  let shownAtMs = performance.now();
  try {
    const summary = await moveToRedis({
      options: settings,
      namespaces: settings.namespaces,
      forgetIds: given.values['forget-ids'] === true,
      log: pino({ enabled: false }),
      onProgress({ step, kind, count }) {
        if (performance.now() - shownAtMs < PROGRESS_MS) return;
        shownAtMs = performance.now();
        print.err(`${step}: ${count} ${NAMES[kind]}\n`);
      },
    });
    if ('movedBefore' in summary) {
      print.out(`This store has been moved to ${summary.movedBefore} already. Start the hosts on it.\n`);
    } else print.out(report(summary, settings));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    print.err(`roomcast move-to-redis: ${error.message}\n`);
    return EXIT.failed;
  }
}

function report({ kinds, shown, forgottenIds, ended }: MoveSummary, settings: MoveSettings): string {
  const lines = kinds.map(
    ({ kind, count, digest }) =>
      `${NAMES[kind].padEnd(NAME_WIDTH)}${String(count).padStart(COUNT_WIDTH)}  ${digest}\n`,
  );
  const head = `${''.padEnd(NAME_WIDTH)}${'number'.padStart(COUNT_WIDTH)}  SHA-256 in both stores\n`;
  const forgotten =
    forgottenIds === 0 ? '' : `${forgottenIds} clientMsgIds of an earlier release were left out.\n`;
  const leftOut = [
    [ended.messages, 'messages', `HISTORY_TTL_S=${settings.historyTtlS}`] as const,
    [ended.items, 'items', `INBOX_TTL_S=${settings.inboxTtlS}`] as const,
  ]
    .filter(([count]) => count > 0)
    .map(([count, what, setting]) => `${count} ${what} left out: ended under ${setting}.\n`);
  const end = `${shown} has everything, under KEY_PREFIX ${settings.keyPrefix}. Start the hosts on it.\n`;
  return `${head}${lines.join('')}${forgotten}${leftOut.join('')}${end}`;
}
