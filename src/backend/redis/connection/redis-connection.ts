import type { Logger } from 'pino';
import { ErrorReply } from 'redis';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { Script } from '../scripts.ts';
import type { RedisAddress } from './address.ts';
import type { CallPacing } from './call-pacing.ts';
import { createRedisClient } from './client.ts';
import { createDeadlines } from './deadlines.ts';
import { away, DENIED, isDenied, refusalOf, UNANSWERED } from './failures.ts';
import { createWaiters } from './waiters.ts';

/** What a connection knows of the server at its other end. */
export interface RedisServer {
  /** Another one after every restart or failover. */
  readonly runId: string;
  readonly version: string;
}

/**
 * The connection commands go over. Calls are answered in a bounded time and never reject; those of one caller
 * reach Redis in the order called. A call made while Redis is away is refused at once and never runs later.
 */
export interface RedisConnection {
  call<T>(args: readonly string[]): Promise<Outcome<T>>;
  publish(channel: string, frame: string | Buffer): Promise<Outcome<number>>;
  evaluate<T>(script: Script, keys: readonly string[], args: readonly string[]): Promise<Outcome<T>>;
  /** Undefined while the connection is not usable. */
  server(): RedisServer | undefined;
  /** Redis denied a command to this user (NOPERM) since the start or the last `forgetDenial`. */
  wasDenied(): boolean;
  forgetDenial(): void;
  /** Whether Redis denies this command, if Redis itself answers; logs nothing. */
  denies(args: readonly string[]): Promise<Outcome<boolean>>;
  /** Why it is not usable, as far as known. */
  problem(): unknown;
  /** True once usable, false if it was not within that time. */
  usable(withinMs: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface RedisConnectionDeps {
  readonly address: RedisAddress;
  /** Loaded into the server whenever the connection is (again) there, before it counts as usable. */
  readonly scripts: readonly Script[];
  readonly log: Logger;
  readonly deadlineMs?: number;
  /** When calls are written; without it at once. */
  readonly pacing?: CallPacing;
}

type Reply = { readonly value: unknown } | { readonly error: unknown };

export const CALL_DEADLINE_MS = 1_500;
const PREPARE_RETRY_MS = 200;
const CLOSE_MS = 1_000;
const LATE = new Error('no answer in time');
const LOST = new Error('the connection was lost');

/*
 * away -> (ready) preparing -> (server known, scripts loaded) usable -> (connection lost) away
 * usable -> (a deadline passed without any reply since the call) stalled -> (any reply) usable
 * While stalled nothing is written: calls would only pile up in front of a frozen Redis, and their bytes
 * would keep the silent socket from being given up after its 3 s.
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
    // A refused PING also arrives here, on a connection that stands.
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
      // LOADING, mostly: it connects but runs no scripts yet.
      problem = failed?.reason;
      retry = setTimeout(() => void prepare(mine), PREPARE_RETRY_MS);
      return;
    }
    server = parseServer(String(info.value));
    stalled = false;
    log.info({ redis: address.shown, version: server.version }, 'redis: connected');
    waiters.release();
  }

  /** `mayGo`: asked when its turn to be written comes. False: it keeps `again` and calls it later. */
  function exchange(
    args: readonly (string | Buffer)[],
    prompt = false,
    mayGo?: (again: () => void) => boolean,
  ): Promise<Reply> {
    const repliesBefore = replies;
    const mine = generation;
    return new Promise((resolve) => {
      // The answer may wait in the socket behind a stall of our own: one look at the sockets before giving up.
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
        // What was called for one server never runs on another: it carries its run_id.
        if (mine !== generation) settle({ error: LOST }, false);
        else if (mayGo?.(send) ?? true) {
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

  // After a SCRIPT FLUSH every call on its way fails with NOSCRIPT and goes again with its text. What is called
  // meanwhile waits for them, and so does what was called before and is not written yet, or a caller's messages would be
  // stored in another order than sent.
  let evaluating = 0;
  let held: { readonly earlier: (() => void)[]; readonly later: (() => void)[] } | undefined;

  async function evaluateNow(script: Script, tail: readonly string[]): Promise<Reply> {
    let written = false;
    let reply = await exchange(['EVALSHA', script.sha1, ...tail], script.prompt, (again) => {
      if (held) {
        held.earlier.push(again);
        return false;
      }
      written = true;
      evaluating += 1;
      return true;
    });
    if ('error' in reply && reply.error instanceof ErrorReply && reply.error.message.startsWith('NOSCRIPT')) {
      held ??= { earlier: [], later: [] };
      reply = await exchange(['EVAL', script.text, ...tail], script.prompt);
    }
    if (written) evaluating -= 1;
    if (evaluating === 0 && held) {
      const { earlier, later } = held;
      held = undefined;
      for (const call of [...earlier, ...later]) call();
    }
    return reply;
  }

  function refusal() {
    if (!server || !client.isReady) return isDenied(problem) ? DENIED : away();
    return stalled ? away('the store does not answer') : undefined;
  }

  return {
    call: async (args) => refusal() ?? outcomeOf(await exchange(args)),
    publish: async (channel, frame) => refusal() ?? outcomeOf(await exchange(['SPUBLISH', channel, frame])),
    evaluate: <T>(script: Script, keys: readonly string[], args: readonly string[]) => {
      const run = async (): Promise<Outcome<T>> =>
        refusal() ?? outcomeOf(await evaluateNow(script, [String(keys.length), ...keys, ...args]));
      if (!held) return run();
      const { later } = held;
      return new Promise<Outcome<T>>((resolve) => later.push(() => resolve(run())));
    },
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

/** A value of a reply of INFO. */
export function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
