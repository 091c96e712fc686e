import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import { away, type Redirect, redirectOf } from '../connection/failures.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import { SLOTS, slotOf } from './hash-slots.ts';
import { keyOf } from './several-servers.ts';
import { type Call, createWaitingCalls, type WaitingCall } from './waiting-calls.ts';

/*
 * Commands to a Redis Cluster. A slot that moves:
 *
 *   direct -> (a call is redirected) diverted -> (the first call in line succeeds where the slot is) direct
 *   diverted -> (a call has waited for too long) stuck -> (a call succeeds) direct
 *
 * direct: calls go to the slot's server as they are made.
 * diverted: nothing is written until every call under way has its reply. Then the redirected calls go out again, in the order
 * of their replies, which is the order in which they were made, and after them those made since. The first goes alone: while
 * it is redirected, the others wait. So no call of a caller overtakes an earlier one.
 * stuck: those in line go on waiting. One new call at a time is tried once, and the others are refused at once.
 *
 * A call that waits for the length of a deadline is refused, and was not run. All slots together hold few calls, since those
 * that wait take up the admission window of calls for other slots.
 */

/** The server that a reply named. */
export type Elsewhere = Exclude<Redirect, { readonly kind: 'wait' }>;

export interface RedirectsDeps {
  readonly connectionOf: (slot: number) => RedisConnection;
  /** The connection to the server that a reply named. */
  readonly connectionTo: (redirect: Elsewhere) => RedisConnection;
  /** Asks the server that the redirect named which slots are where. `source` replied that the slot has moved there. */
  readonly refresh: (redirect: Elsewhere, slot: number, source: RedisConnection | undefined) => Promise<void>;
  readonly deadlineMs: number;
  readonly now?: () => number;
}

/** Redis replies at once while it moves a slot. */
const RETRY_MS = 25;
const MOVING = away('the store is moving data');

/**
 * A key that never exists. While Redis moves a slot it refuses scripts that name a missing key, on either server, so no script
 * begins there. Otherwise one that looks at keys it does not name, as the roster's do, would fail half done or miss what has
 * not moved yet. A key without a tag is the only one of its script, which Redis runs where the key is.
 */
function missingKeyBeside(key: string): string {
  return `${key}:missing`;
}

interface Diversion {
  redirected: WaitingCall[];
  made: WaitingCall[];
  resumed: boolean;
  stuck: boolean;
  /** Runs as long as calls may wait. */
  overdue: NodeJS.Timeout | undefined;
}

export function createRedirectedCommands(deps: RedirectsDeps): RedisCommands {
  const { connectionOf, connectionTo, refresh, deadlineMs, now = () => performance.now() } = deps;
  const underWay = new Int32Array(SLOTS);
  const diversions = new Map<number, Diversion>();
  const waitingCalls = createWaitingCalls(deadlineMs, now);

  function send<T>(slot: number, run: Call<T>): Promise<Outcome<T>> {
    const diversion = diversions.get(slot);
    if (diversion) return join(slot, diversion, run);
    underWay[slot] = (underWay[slot] ?? 0) + 1;
    const connection = connectionOf(slot);
    return run(connection, false).then((outcome) => {
      underWay[slot] = (underWay[slot] ?? 0) - 1;
      return redirectOf(outcome) === undefined
        ? settled(slot, outcome)
        : divert(slot, run, outcome, connection);
    });
  }

  function join<T>(slot: number, diversion: Diversion, run: Call<T>): Promise<Outcome<T>> {
    const { stuck, resumed } = diversion;
    if (waitingCalls.full() || (stuck && resumed)) return Promise.resolve(MOVING);
    return new Promise((resolve) => {
      diversion.made.push(waitingCalls.add(run, resolve, { once: stuck }));
      settled(slot, undefined);
    });
  }

  function settled<T>(slot: number, outcome: T): T {
    const diversion = diversions.get(slot);
    if (diversion && !diversion.resumed && underWay[slot] === 0) void resume(slot, diversion);
    return outcome;
  }

  function divert<T>(
    slot: number,
    run: Call<T>,
    outcome: Outcome<T>,
    source: RedisConnection,
  ): Promise<Outcome<T>> {
    if (waitingCalls.full()) return Promise.resolve(settled(slot, outcome));
    const diversion = diversions.get(slot) ?? {
      redirected: [],
      made: [],
      resumed: false,
      stuck: false,
      overdue: undefined,
    };
    diversion.overdue ??= setInterval(refuseOverdue, RETRY_MS, diversion);
    diversions.set(slot, diversion);
    return new Promise((resolve) => {
      diversion.redirected.push(waitingCalls.add(run, resolve, { outcome, source }));
      settled(slot, outcome);
    });
  }

  /** A call in line may be due long before the first one gets its reply. */
  function refuseOverdue(diversion: Diversion): void {
    const at = now();
    const inTime = (call: WaitingCall) => {
      if (at < call.dueMs) return true;
      diversion.stuck = true;
      call.settle(call.outcome ?? MOVING);
      return false;
    };
    diversion.redirected = diversion.redirected.filter(inTime);
    diversion.made = diversion.made.filter(inTime);
  }

  /** No call of the slot is under way, and none begins until it has ended. */
  async function resume(slot: number, diversion: Diversion): Promise<void> {
    diversion.resumed = true;
    diversion.overdue ??= setInterval(refuseOverdue, RETRY_MS, diversion);
    for (;;) {
      const first = diversion.redirected.shift() ?? diversion.made.shift();
      if (!first) break;
      if (!(await runAlone(slot, diversion, first))) continue;
      // In one turn of the event loop, so that they share a write.
      const others = [...diversion.redirected, ...diversion.made];
      diversion.redirected = [];
      diversion.made = [];
      const again: WaitingCall[] = [];
      await Promise.all(
        others.map(async (other) => {
          const source = connectionOf(slot);
          other.source = source;
          other.outcome = await other.run(source, false);
          if (redirectOf(other.outcome) === undefined) other.settle(other.outcome);
          else again.push(other);
        }),
      );
      diversion.redirected = again;
    }
    clearInterval(diversion.overdue);
    diversion.overdue = undefined;
    diversion.resumed = false;
    if (!diversion.stuck) diversions.delete(slot);
  }

  /**
   * Repeats one call until it is redirected no more, or its time is over. Returns whether it succeeded where the slot is: after
   * any other end, the next call would be redirected as well.
   */
  async function runAlone(slot: number, diversion: Diversion, call: WaitingCall): Promise<boolean> {
    for (let tries = 0, own = false; ; tries += 1) {
      const redirect = call.outcome && redirectOf(call.outcome);
      if (call.outcome && !redirect) {
        // The caller's next call may come before `resume` goes on.
        if (own || call.outcome.ok) diversion.stuck = false;
        call.settle(call.outcome);
        return own;
      }
      if (redirect && (now() >= call.dueMs || (call.once && redirect.kind === 'wait'))) {
        diversion.stuck = true;
        call.settle(MOVING);
        return false;
      }
      if (redirect && (redirect.kind === 'wait' || tries > 0)) await delay(RETRY_MS);
      if (redirect?.kind === 'moved') await refresh(redirect, slot, call.source);
      const asking = redirect?.kind === 'ask';
      const connection = redirect && redirect.kind !== 'wait' ? connectionTo(redirect) : connectionOf(slot);
      await connection.usable(Math.max(0, call.dueMs - now()));
      own = !asking && connection === connectionOf(slot);
      call.source = connection;
      call.outcome = await call.run(connection, asking);
    }
  }

  return {
    call: (args) => send(slotOf(keyOf(args)), (connection, asking) => connection.call(args, asking)),
    publish: (channel, frame) => send(slotOf(channel), (connection) => connection.publish(channel, frame)),
    evaluate: (script, keys, args) => {
      const [key = ''] = keys;
      const named = key.includes('{') ? [...keys, missingKeyBeside(key)] : keys;
      return send(slotOf(key), (connection, asking) => connection.evaluate(script, named, args, asking));
    },
    inOneOrder: (key, other) => slotOf(key) === slotOf(other),
  };
}
