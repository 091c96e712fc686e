import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { BackendError } from '../backend.ts';

/*
 * All processes that have a store open share the number of its last commit. lmdb (3.5.6) sets that number when it opens the
 * store, to what it read some microseconds before, without a lock. If the server commits in between, its next commit takes the
 * same number again, and the acknowledged commit is lost, or the tree is damaged. So each process that opens the store beside
 * the server asks for a moment without commits, over the socket of the server's lock:
 *
 *   opener: `open PID` ──► server: waits for the commit under way, holds the next ──► `go`
 *   opener: opens the store, closes the connection ──► server: commits again
 */

const GO = 'go\n';
const REQUEST = /^open (\d{1,10})\n$/;
/** An opener needs a millisecond. It must not live on beyond this, because it might open the store later. */
const OPENING_LIMIT_MS = 10_000;
/** A server that starts does not answer yet. */
const ASKING_LIMIT_MS = 5_000;
/** A commit may take long on a slow disk. */
const ANSWER_LIMIT_MS = 10_000;
const ASK_AGAIN_MS = 100;

export interface OpeningsDeps {
  /** Resolves once no commit is under way; none begins until the returned function is called. */
  readonly hold: () => Promise<() => void>;
  /** An opener that stands still for so long is killed. */
  readonly limitMs?: number;
  readonly log: Logger;
}

/** The server's side: answers one connection to the socket of the lock. Most only look whether it accepts them. */
export function createOpenings({
  hold,
  limitMs = OPENING_LIMIT_MS,
  log,
}: OpeningsDeps): (socket: Socket) => void {
  return (socket) => {
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').once('data', (text) => {
      const pid = REQUEST.exec(String(text))?.[1];
      if (pid === undefined) socket.destroy();
      else void answer(socket, Number(pid));
    });
    socket.setTimeout(limitMs, () => socket.destroy());
  };

  async function answer(socket: Socket, pid: number): Promise<void> {
    const release = await hold();
    try {
      if (socket.destroyed) return;
      // From here on only the limit below may end the wait: it kills first.
      socket.setTimeout(0);
      const closed = once(socket, 'close');
      const limit = setTimeout(() => {
        log.error({ pid }, 'a process that opens the store stands still; it is killed');
        kill(pid);
        socket.destroy();
      }, limitMs);
      socket.resume().write(GO);
      await closed;
      clearTimeout(limit);
    } finally {
      release();
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, or is another user's.
  }
}

/**
 * The opener's side: runs `open`, which opens the store of `dir`, while its server commits nothing. `connect` returns a
 * connection to the server's lock, undefined if no server has the store.
 */
export async function whileNothingCommits<T>(
  dir: string,
  connect: () => Promise<Socket | undefined>,
  open: () => T,
): Promise<T> {
  const askUntilMs = performance.now() + ASKING_LIMIT_MS;
  while (performance.now() < askUntilMs) {
    const socket = await connect();
    if (!socket) return open();
    try {
      if (await isLetIn(socket)) return open();
    } finally {
      socket.destroy();
    }
    await pause(ASK_AGAIN_MS);
  }
  throw new BackendError(
    `The server of DATA_DIR ${dir} lets nobody open its store beside it: it stands still, or is of an earlier release. Stop it first, or start this release.`,
  );
}

/** Resolves when the server lets it in, or closes the connection. */
async function isLetIn(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket
      .setEncoding('utf8')
      .on('error', () => undefined)
      .setTimeout(ANSWER_LIMIT_MS, () => socket.destroy())
      .once('data', (text) => resolve(String(text) === GO))
      .once('close', () => resolve(false))
      .write(`open ${process.pid}\n`);
  });
}
