import { ErrorReply } from '@redis/client';
import type { Logger } from 'pino';
import type { Outcome, Refusal } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { Script } from '../scripts.ts';
import type { RedisCommands, RedisServer, ScriptArgs } from './commands.ts';
import { LATE } from './exchange.ts';
import { away, DENIED, isDenied, refusalOf, UNANSWERED } from './failures.ts';
import { createScriptCalls, type Reply, type SendCommand } from './script-calls.ts';

/** Calls to one server. All calls reach it in the order in which they are made. */
export interface ServerCalls extends RedisCommands {
  /** `asking`: a server of a Redis Cluster that is only just taking over the key runs the command too. */
  call<T>(args: readonly string[], asking?: boolean): Promise<Outcome<T>>;
  evaluate<T>(
    script: Script,
    keys: readonly string[],
    args: ScriptArgs,
    asking?: boolean,
  ): Promise<Outcome<T>>;
  /** Redis denied a command to this user (NOPERM) since the start or the last `forgetDenial`. */
  wasDenied(): boolean;
  forgetDenial(): void;
  /** Returns whether Redis denies this command, if Redis itself answers; logs nothing. */
  denies(args: readonly string[]): Promise<Outcome<boolean>>;
}

export interface ServerCallsDeps {
  readonly send: SendCommand;
  /** Undefined while the connection is not usable. */
  readonly server: () => RedisServer | undefined;
  /** Returns why nothing may be written now; undefined if it may. */
  readonly refusal: () => Refusal | undefined;
  readonly log: Logger;
}

/** Refuses a call at once while nothing may be written, and makes an outcome of each reply and error. */
export function createServerCalls({ send, server, refusal, log }: ServerCallsDeps): ServerCalls {
  const scriptCalls = createScriptCalls(send);
  let denied = false;

  function outcomeOf<T>(reply: Reply): Outcome<T> {
    if ('value' in reply) return succeed(reply.value as T);
    if (reply.error === LATE) return UNANSWERED;
    const refused = refusalOf(reply.error, log);
    denied ||= refused === DENIED;
    return refused;
  }

  return {
    call: async <T>(args: readonly string[], asking = false): Promise<Outcome<T>> =>
      refusal() ?? outcomeOf<T>(await send(args, false, undefined, asking)),
    publish: async (channel, frame) =>
      refusal() ?? outcomeOf(await send(['SPUBLISH', channel, frame], false, undefined, false, 'publish')),
    evaluate: <T>(script: Script, keys: readonly string[], args: ScriptArgs, asking = false) =>
      scriptCalls.inOrder(async (): Promise<Outcome<T>> => {
        const refused = refusal();
        if (refused) return refused;
        const running = server();
        if (!running) return away();
        const values = typeof args === 'function' ? args(running) : args;
        return outcomeOf(await scriptCalls.run(script, [String(keys.length), ...keys, ...values], asking));
      }),
    inOneOrder: () => true,
    wasDenied: () => denied,
    forgetDenial: () => {
      denied = false;
    },
    denies: async (args) => {
      const refused = refusal();
      if (refused) return refused;
      const reply = await send(args);
      if ('value' in reply) return succeed(false);
      if (reply.error === LATE) return UNANSWERED;
      return reply.error instanceof ErrorReply ? succeed(isDenied(reply.error)) : away();
    },
  };
}
