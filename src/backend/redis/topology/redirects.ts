import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import { away, type Redirect, redirectOf } from '../connection/failures.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import { SLOTS, slotOf } from './hash-slots.ts';
import { keyOf } from './several-servers.ts';

/*
 * Commands to a Redis Cluster. A slot that moves:
 *
 *   direct -> (a call is redirected) diverted -> (the first call in line succeeds, the others follow it) direct
 *
 * direct: calls go to the slot's server as they are made.
 * diverted: nothing is written until every call under way has its reply. Then the redirected calls go out again, in the order
 * of their replies, which is the order in which they were made, and after them those made since. The first goes alone: while
 * it is redirected, the others wait. So no call of a caller overtakes an earlier one. A call that waits for the length of a
 * deadline is refused, and was not run.
 */

/** The server that a reply named. */
export type Elsewhere = Exclude<Redirect, { readonly kind: 'wait' }>;

export interface RedirectsDeps {
  readonly connectionOf: (slot: number) => RedisConnection;
  /** The connection to the server that a reply named. */
  readonly connectionTo: (redirect: Elsewhere) => RedisConnection;
  /** Asks the server that the redirect named, or any, which slots are where. */
  readonly refresh: (redirect: Elsewhere) => Promise<void>;
  readonly deadlineMs: number;
  readonly now?: () => number;
}

/** Redis replies at once while it moves a slot. */
const RETRY_MS = 25;
const NOT_RUN = away('the store is moving data');

type Call<T> = (connection: RedisConnection, asking: boolean) => Promise<Outcome<T>>;

interface Waiting {
  readonly run: Call<unknown>;
  readonly resolve: (outcome: Outcome<unknown>) => void;
  readonly dueMs: number;
  outcome: Outcome<unknown> | undefined;
}

interface Diversion {
  redirected: Waiting[];
  readonly made: Waiting[];
}

export function createRedirectedCommands(deps: RedirectsDeps): RedisCommands {
  const { connectionOf, connectionTo, refresh, deadlineMs, now = () => performance.now() } = deps;
  const underWay = new Int32Array(SLOTS);
  const diversions = new Map<number, Diversion>();

  function send<T>(slot: number, run: Call<T>): Promise<Outcome<T>> {
    const diversion = diversions.get(slot);
    if (diversion) return new Promise((resolve) => diversion.made.push(waiting(run, resolve)));
    underWay[slot] = (underWay[slot] ?? 0) + 1;
    return run(connectionOf(slot), false).then((outcome) => {
      underWay[slot] = (underWay[slot] ?? 0) - 1;
      return redirectOf(outcome) === undefined ? settled(slot, outcome) : divert(slot, run, outcome);
    });
  }

  function waiting<T>(run: Call<T>, resolve: (outcome: Outcome<T>) => void, outcome?: Outcome<T>): Waiting {
    return { run, resolve: resolve as Waiting['resolve'], dueMs: now() + deadlineMs, outcome };
  }

  function settled<T>(slot: number, outcome: Outcome<T>): Outcome<T> {
    const diversion = diversions.get(slot);
    if (diversion && underWay[slot] === 0) void resume(slot, diversion);
    return outcome;
  }

  function divert<T>(slot: number, run: Call<T>, outcome: Outcome<T>): Promise<Outcome<T>> {
    const diversion = diversions.get(slot) ?? { redirected: [], made: [] };
    diversions.set(slot, diversion);
    return new Promise((resolve) => {
      diversion.redirected.push(waiting(run, resolve, outcome));
      settled(slot, outcome);
    });
  }

  /** Runs once for each diversion: no call of the slot is under way, and none begins. */
  async function resume(slot: number, diversion: Diversion): Promise<void> {
    const { redirected, made } = diversion;
    for (let first = redirected.shift() ?? made.shift(); first; first = redirected.shift() ?? made.shift()) {
      // One that was refused shows nothing about the others, so the next goes alone.
      if (!(await runAlone(slot, first))) continue;
      // In one turn of the event loop, so that they share a write.
      const others = [...redirected.splice(0), ...made.splice(0)];
      const again: Waiting[] = [];
      await Promise.all(
        others.map(async (other) => {
          if (refusedLate(other)) return;
          other.outcome = await other.run(connectionOf(slot), false);
          if (redirectOf(other.outcome) === undefined) other.resolve(other.outcome);
          else again.push(other);
        }),
      );
      redirected.push(...again);
    }
    diversions.delete(slot);
  }

  function refusedLate(call: Waiting): boolean {
    const isLate = now() >= call.dueMs;
    if (isLate) call.resolve(call.outcome ?? NOT_RUN);
    return isLate;
  }

  /** Repeats one call until it is redirected no more, and returns false if its time was over before. */
  async function runAlone(slot: number, call: Waiting): Promise<boolean> {
    for (let moves = 0; !refusedLate(call); moves += 1) {
      const redirect = call.outcome && redirectOf(call.outcome);
      if (redirect && (redirect.kind !== 'moved' || moves > 0)) await delay(RETRY_MS);
      if (redirect?.kind === 'moved') await refresh(redirect);
      const asking = redirect?.kind === 'ask';
      const connection = redirect && redirect.kind !== 'wait' ? connectionTo(redirect) : connectionOf(slot);
      await connection.usable(Math.max(0, call.dueMs - now()));
      call.outcome = await call.run(connection, asking);
      if (redirectOf(call.outcome) === undefined) {
        call.resolve(call.outcome);
        return true;
      }
    }
    return false;
  }

  return {
    call: (args) => send(slotOf(keyOf(args)), (connection, asking) => connection.call(args, asking)),
    publish: (channel, frame) => send(slotOf(channel), (connection) => connection.publish(channel, frame)),
    evaluate: (script, keys, args) =>
      send(slotOf(keys[0] ?? ''), (connection, asking) => connection.evaluate(script, keys, args, asking)),
    inOneOrder: (key, other) => slotOf(key) === slotOf(other),
  };
}
