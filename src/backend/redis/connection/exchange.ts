import { ErrorReply } from '@redis/client';
import type { OnRedisReply, RedisCall } from '../../redis-calls.ts';
import type { CallPacing } from './call-pacing.ts';
import type { RedisClient } from './client.ts';
import { createDeadlines } from './deadlines.ts';
import { isReadOnly } from './failures.ts';
import type { Reply, SendCommand } from './script-calls.ts';

export interface Exchange {
  readonly send: SendCommand;
  /** True after a deadline has passed without any reply since the call, until the next reply. */
  stalled(): boolean;
  /** Another connection has replied. */
  onConnected(): void;
  close(): void;
}

export interface ExchangeDeps {
  readonly client: () => RedisClient | undefined;
  /** Counts the connections. */
  readonly generation: () => number;
  /** The server of that connection replied that it takes no writes. */
  readonly onReadOnly: (generation: number) => void;
  readonly onReply?: OnRedisReply | undefined;
  readonly deadlineMs: number;
  readonly pacing: CallPacing | undefined;
}

export const LATE: Error = new Error('no answer in time');
const LOST = new Error('the connection was lost');

/** Commands and their replies, under a deadline of our own: node-redis has none for what it has written. */
export function createExchange(deps: ExchangeDeps): Exchange {
  const { client: currentClient, generation, onReadOnly, onReply, deadlineMs, pacing } = deps;
  const deadlines = createDeadlines({ afterMs: deadlineMs, now: () => performance.now() });
  let replies = 0;
  let stalled = false;

  function send(
    args: readonly (string | Buffer)[],
    prompt = false,
    mayWrite?: (write: () => void) => boolean,
    asking = false,
    call: RedisCall = 'command',
  ): Promise<Reply> {
    const repliesBefore = replies;
    const mine = generation();
    return new Promise((resolve) => {
      // The reply may wait in the socket after a stall of this process: the sockets are read once before the call
      // fails.
      const answeredInTime = deadlines.begin(() => setImmediate(expire));
      let open = true;
      let writtenAtMs = 0;
      function expire(): void {
        if (!open) return;
        open = false;
        stalled ||= currentClient()?.isReady === true && replies === repliesBefore;
        resolve({ error: LATE });
      }
      function settle(reply: Reply, answered: boolean): void {
        if (answered) {
          replies += 1;
          onReply?.(call, performance.now() - writtenAtMs);
          stalled = false;
        }
        open = false;
        answeredInTime();
        resolve(reply);
      }
      function write(): void {
        if (!open) return;
        const client = currentClient();
        // A call for one server must not run on another, since it carries the server's run_id.
        if (!client || mine !== generation()) {
          settle({ error: LOST }, false);
          return;
        }
        if (mayWrite && !mayWrite(write)) return;
        // It holds for the command that follows it on the connection.
        // Without it, Redis runs no command here. Its own error is the cause then.
        if (asking) {
          client.sendCommand(['ASKING']).catch((error) => {
            if (error instanceof ErrorReply) settle({ error }, true);
          });
        }
        writtenAtMs = performance.now();
        client.sendCommand(args).then(
          (value) => settle({ value }, true),
          (error) => {
            settle({ error }, error instanceof ErrorReply);
            if (isReadOnly(error)) onReadOnly(mine);
          },
        );
      }
      if (pacing) pacing.schedule(write, prompt);
      else write();
    });
  }

  return {
    send,
    stalled: () => stalled,
    onConnected: () => {
      stalled = false;
    },
    close: deadlines.close,
  };
}
