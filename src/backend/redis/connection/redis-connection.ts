import type { Logger } from 'pino';
import { ErrorReply } from 'redis';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { Script } from '../scripts.ts';
import type { RedisAddress } from './address.ts';
import type { CallPacing } from './call-pacing.ts';
import { createRedisClient } from './client.ts';
import type { RedisCommands, RedisServer, ScriptArgs } from './commands.ts';
import { createDeadlines } from './deadlines.ts';
import { away, DENIED, isDenied, refusalOf, UNANSWERED } from './failures.ts';
import { createScriptCalls, type Reply } from './script-calls.ts';
import { createWaiters } from './waiters.ts';

/** The connection for commands to one server. All calls reach it in the order in which they are made. */
export interface RedisConnection extends RedisCommands {
  /** Undefined while the connection is not usable. */
  server(): RedisServer | undefined;
  /** Redis denied a command to this user (NOPERM) since the start or the last `forgetDenial`. */
  wasDenied(): boolean;
  forgetDenial(): void;
  /** Returns whether Redis denies this command, if Redis itself answers; logs nothing. */
  denies(args: readonly string[]): Promise<Outcome<boolean>>;
  /** The last error, as the reason why it is not usable. */
  problem(): unknown;
  /** Resolves with true once it is usable, or with false after that time. */
  usable(withinMs: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface RedisConnectionDeps {
  readonly address: RedisAddress;
  /** They are loaded after every connect, before the connection counts as usable. */
  readonly scripts: readonly Script[];
  readonly log: Logger;
  readonly deadlineMs?: number;
  /** Decides when calls are written. Calls are written at once if it is absent. */
  readonly pacing?: CallPacing;
}

export const CALL_DEADLINE_MS = 1_500;
const PREPARE_RETRY_MS = 200;
const CLOSE_MS = 1_000;
const LATE = new Error('no answer in time');
const LOST = new Error('the connection was lost');

/*
 * away -> (ready) preparing -> (server known, scripts loaded) usable -> (connection lost) away
 * usable -> (a deadline passes without any reply since the call) stalled -> (any reply) usable
 * While it is stalled, nothing is written: calls would pile up in front of a frozen Redis, and their bytes would keep
 * node-redis from closing the silent socket after 3 s.
 */
export function openRedisConnection(deps: RedisConnectionDeps): RedisConnection {
  const { address, scripts, log, pacing, deadlineMs = CALL_DEADLINE_MS } = deps;
  const client = createRedisClient(address, 'commands');
  const waiters = createWaiters();
  const deadlines = createDeadlines({ afterMs: deadlineMs, now: () => performance.now() });
  let server: RedisServer | undefined;
  let problem: unknown;
  let generation = 0;
  let replies = 0;
  let stalled = false;
  let denied = false;
  let retry: NodeJS.Timeout | undefined;

  client.on('error', (error: unknown) => {
    problem = error;
    // A rejected PING also causes this event, while the connection stands.
    if (client.isReady || !server) return;
    server = undefined;
    log.warn({ redis: address.shown, err: error }, 'redis: connection lost');
  });
  client.on('ready', () => {
    server = undefined;
    generation += 1;
    void prepare(generation);
  });
  // Settles only when the connection is closed: the reconnect strategy never gives up.
  client.connect().catch(() => undefined);

  async function prepare(mine: number): Promise<void> {
    const loads = scripts.map((script) => client.sendCommand(['SCRIPT', 'LOAD', script.text]));
    const [info, ...loaded] = await Promise.allSettled([client.sendCommand(['INFO', 'server']), ...loads]);
    if (mine !== generation || !client.isReady) return;
    const failed = [info, ...loaded].find((result) => result?.status === 'rejected');
    if (failed || info?.status !== 'fulfilled') {
      // Mostly LOADING: Redis accepts connections before it runs scripts.
      problem = failed?.reason;
      retry = setTimeout(() => void prepare(mine), PREPARE_RETRY_MS);
      return;
    }
    server = parseServer(String(info.value));
    stalled = false;
    log.info({ redis: address.shown, version: server.version }, 'redis: connected');
    waiters.release();
  }

  /** See `Exchange` in script-calls.ts. */
  function exchange(
    args: readonly (string | Buffer)[],
    prompt = false,
    mayWrite?: (write: () => void) => boolean,
  ): Promise<Reply> {
    const repliesBefore = replies;
    const mine = generation;
    return new Promise((resolve) => {
      // The reply may wait in the socket after a stall of this process: the sockets are read once before the call
      // fails.
      const answeredInTime = deadlines.begin(() => setImmediate(expire));
      let open = true;
      function expire(): void {
        if (!open) return;
        open = false;
        stalled ||= client.isReady && replies === repliesBefore;
        resolve({ error: LATE });
      }
      function settle(reply: Reply, answered: boolean): void {
        if (answered) {
          replies += 1;
          stalled = false;
        }
        open = false;
        answeredInTime();
        resolve(reply);
      }
      function send(): void {
        if (!open) return;
        // A call for one server must not run on another, since it carries the server's run_id.
        if (mine !== generation) settle({ error: LOST }, false);
        else if (mayWrite?.(send) ?? true) {
          client.sendCommand(args).then(
            (value) => settle({ value }, true),
            (error) => settle({ error }, error instanceof ErrorReply),
          );
        }
      }
      if (pacing) pacing.schedule(send, prompt);
      else send();
    });
  }

  function outcomeOf<T>(reply: Reply): Outcome<T> {
    if ('value' in reply) return succeed(reply.value as T);
    if (reply.error === LATE) return UNANSWERED;
    const refusal = refusalOf(reply.error, log);
    denied ||= refusal === DENIED;
    return refusal;
  }

  const scriptCalls = createScriptCalls(exchange);

  function refusal() {
    if (!server || !client.isReady) return isDenied(problem) ? DENIED : away();
    return stalled ? away('the store does not answer') : undefined;
  }

  return {
    call: async (args) => refusal() ?? outcomeOf(await exchange(args)),
    publish: async (channel, frame) => refusal() ?? outcomeOf(await exchange(['SPUBLISH', channel, frame])),
    evaluate: <T>(script: Script, keys: readonly string[], args: ScriptArgs) =>
      scriptCalls.inOrder(async (): Promise<Outcome<T>> => {
        const refused = refusal();
        if (refused || !server) return refused ?? away();
        const values = typeof args === 'function' ? args(server) : args;
        return outcomeOf(await scriptCalls.run(script, [String(keys.length), ...keys, ...values]));
      }),
    inOneOrder: () => true,
    wasDenied: () => denied,
    forgetDenial: () => {
      denied = false;
    },
    denies: async (args) => {
      const refused = refusal();
      if (refused) return refused;
      const reply = await exchange(args);
      if ('value' in reply) return succeed(false);
      if (reply.error === LATE) return UNANSWERED;
      return reply.error instanceof ErrorReply ? succeed(isDenied(reply.error)) : away();
    },
    server: () => (client.isReady ? server : undefined),
    problem: () => problem,
    usable: (withinMs) => (server ? Promise.resolve(true) : waiters.wait(withinMs)),
    close: async () => {
      clearTimeout(retry);
      pacing?.close();
      generation += 1;
      const limit = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      if (client.isReady) await Promise.race([client.close().catch(() => undefined), limit]);
      client.destroy();
      deadlines.close();
    },
  };
}

function parseServer(info: string): RedisServer {
  return { runId: fieldOf(info, 'run_id') ?? '', version: fieldOf(info, 'redis_version') ?? '' };
}

/** Returns one field of a reply of INFO. */
export function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
