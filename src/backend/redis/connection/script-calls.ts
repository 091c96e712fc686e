import { ErrorReply } from '@redis/client';
import type { RedisCall } from '../../redis-calls.ts';
import type { Script } from '../scripts.ts';

export type Reply = { readonly value: unknown } | { readonly error: unknown };

/**
 * Writes a command when the pacing lets it, after asking `mayWrite`. If that returns false, the command is not written until
 * `mayWrite`'s owner calls `write`. `asking`: the server is only just taking over the keys, see redirects.ts.
 */
export type SendCommand = (
  args: readonly (string | Buffer)[],
  prompt?: boolean,
  mayWrite?: (write: () => void) => boolean,
  asking?: boolean,
  call?: RedisCall,
) => Promise<Reply>;

export interface ScriptCalls {
  /** Runs a script by its digest, or with its text if Redis does not have it. `tail` follows the digest. */
  run(script: Script, tail: readonly string[], asking?: boolean): Promise<Reply>;
  /** Starts the call now, or while scripts are missing after those that came before it. */
  inOrder<T>(call: () => Promise<T>): Promise<T>;
}

/*
 * normal -> (NOSCRIPT) recovering -> (every written call has ended) normal
 * normal: calls are written as EVALSHA.
 * recovering: the failed calls are sent again with their text, and no others are written: `unwritten` holds those that
 * wait for pacing, `notStarted` those made since. At the end, all start in the order in which they were made.
 * Otherwise a SCRIPT FLUSH would let later messages of a caller overtake those that failed.
 */
export function createScriptCalls(send: SendCommand): ScriptCalls {
  let written = 0;
  let recovering: { readonly unwritten: (() => void)[]; readonly notStarted: (() => void)[] } | undefined;

  async function run(script: Script, tail: readonly string[], asking = false): Promise<Reply> {
    let wasWritten = false;
    const mayWrite = (write: () => void) => {
      if (recovering) {
        recovering.unwritten.push(write);
        return false;
      }
      wasWritten = true;
      written += 1;
      return true;
    };
    let reply = await send(['EVALSHA', script.sha1, ...tail], script.prompt, mayWrite, asking, script.call);
    if (isNoScript(reply)) {
      recovering ??= { unwritten: [], notStarted: [] };
      reply = await send(['EVAL', script.text, ...tail], script.prompt, undefined, asking, script.call);
    }
    if (wasWritten) written -= 1;
    if (written === 0 && recovering) {
      const { unwritten, notStarted } = recovering;
      recovering = undefined;
      for (const go of [...unwritten, ...notStarted]) go();
    }
    return reply;
  }

  function inOrder<T>(call: () => Promise<T>): Promise<T> {
    if (!recovering) return call();
    const { notStarted } = recovering;
    return new Promise((resolve) => notStarted.push(() => resolve(call())));
  }

  return { run, inOrder };
}

function isNoScript(reply: Reply): boolean {
  return 'error' in reply && reply.error instanceof ErrorReply && reply.error.message.startsWith('NOSCRIPT');
}
