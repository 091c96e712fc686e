import type { Worker } from 'node:cluster';
import type { Socket } from 'node:net';
import { handleOf, type TcpHandle } from './front-head.ts';

/** A worker that has not taken a socket for so long is stalled: new sessions go elsewhere. */
const STALLED_MS = 2_000;
/** First bytes of connections that wait for one worker. They wait in the process that may be the store. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** primary → worker, with a socket `{data}`: take this connection; `data` was read of it. */
export const CONNECTION = 'front:connection';
/** worker → primary: what @socket.io/sticky says there of the sessions it has. */
const SESSION_OPENED = 'sticky:connection';
const SESSION_CLOSED = 'sticky:disconnection';

/** What the front door knows of one worker. */
export interface FrontUpstream {
  /** Whether new sessions may go to it; until told so they may not. */
  serving: boolean;
  hasSession(sessionId: string): boolean;
  /** How much it has to do; infinite: nothing new is for it. */
  load(): number;
  /** Gives the connection to the worker. `bytes` were read of it, and nothing more is; false: too much waits already. */
  handOver(socket: Socket, bytes: Buffer): boolean;
  /**
   * After the worker's death: nobody else would close what was on its way to it, and those clients would wait for ever.
   */
  release(): void;
}

export interface FrontUpstreamDeps {
  readonly worker: Pick<Worker, 'on' | 'send'>;
  readonly now: () => number;
  readonly onSession: (sessionId: string) => void;
}

interface HandOver {
  readonly socket: Socket;
  readonly handle: TcpHandle;
  readonly since: number;
}

export function createFrontUpstream({ worker, now, onSession }: FrontUpstreamDeps): FrontUpstream {
  const sessions = new Set<string>();
  /** Given to the channel, which passes one socket at a time and waits for the worker to say it has it. */
  const handOvers = new Set<HandOver>();
  let lastHandedOver: TcpHandle | undefined;
  let waitingBytes = 0;

  worker.on('message', ({ type, data }: { type?: unknown; data?: unknown }) => {
    if (type === SESSION_OPENED) {
      sessions.add(String(data));
      onSession(String(data));
    } else if (type === SESSION_CLOSED) sessions.delete(String(data));
  });

  const upstream: FrontUpstream = {
    serving: false,
    hasSession: (sessionId) => sessions.has(sessionId),
    load() {
      const [oldest] = handOvers;
      const stalled = oldest !== undefined && now() - oldest.since > STALLED_MS;
      if (!upstream.serving || stalled || waitingBytes > MAX_WAITING_BYTES) return Number.POSITIVE_INFINITY;
      return sessions.size + handOvers.size;
    },
    handOver(socket, bytes) {
      if (waitingBytes > MAX_WAITING_BYTES) return false;
      const handle = handleOf(socket);
      // Closed by the client in this very turn.
      if (!handle) return true;
      const entry = { socket, handle, since: now() };
      handOvers.add(entry);
      waitingBytes += bytes.length;
      worker.send({ type: CONNECTION, data: bytes }, socket, (error) => {
        handOvers.delete(entry);
        waitingBytes -= bytes.length;
        lastHandedOver = handle;
        if (error) socket.destroy();
      });
      return true;
    },
    release() {
      for (const { socket, handle } of handOvers) {
        socket.destroy();
        handle.close();
      }
      // Closing a handle again that the worker had confirmed does nothing.
      lastHandedOver?.close();
    },
  };
  return upstream;
}
