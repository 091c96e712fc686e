import type { Worker } from 'node:cluster';
import type { Socket } from 'node:net';
import type { Sized } from '../sizes.ts';
import { handleOf, type TcpHandle } from './front-head.ts';

/** A worker that has accepted no handed-over socket for so long is stalled: new sessions go elsewhere, if they can. */
const STALLED_MS = 2_000;
/** The limit of bytes already read of connections that wait for one worker. They wait in the process that may be the store. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** primary → worker, with a socket and `{data}`: take this connection, of which `data` is already read. */
export const CONNECTION = 'front:connection';
/** worker → primary: messages of @socket.io/sticky in the worker about its sessions. */
const SESSION_OPENED = 'sticky:connection';
const SESSION_CLOSED = 'sticky:disconnection';

/** One worker as the front door sees it. */
export interface FrontUpstream extends Sized {
  /** New sessions may go to the worker; false at first. */
  serving: boolean;
  hasSession(sessionId: string): boolean;
  /** The number of connections on their way to it. */
  readonly handingOver: number;
  /** The number of its sessions and pending connections; infinite if it takes no new sessions. */
  load(): number;
  /** Connections wait for the worker, and it has accepted none for a while. It hangs, or is very busy. */
  isStalled(): boolean;
  /** Hands the connection and the `bytes` read of it to the worker. Returns false if too many bytes wait already. */
  handOver(socket: Socket, bytes: Buffer): boolean;
  /**
   * Closes the sockets on their way to a dead worker. Call it after the worker's death: otherwise their clients would
   * wait for ever.
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
  /** Queued in the IPC channel, which passes one socket at a time and waits for the worker's confirmation. */
  const handOvers = new Set<HandOver>();
  let lastHandedOver: TcpHandle | undefined;
  let waitingBytes = 0;
  let acceptedAtMs = Number.NEGATIVE_INFINITY;

  worker.on('message', ({ type, data }: { type?: unknown; data?: unknown }) => {
    if (type === SESSION_OPENED) {
      sessions.add(String(data));
      onSession(String(data));
    } else if (type === SESSION_CLOSED) sessions.delete(String(data));
  });

  const upstream: FrontUpstream = {
    sizes: () => ({ sessions: sessions.size, handOvers: handOvers.size }),
    serving: false,
    hasSession: (sessionId) => sessions.has(sessionId),
    get handingOver() {
      return handOvers.size;
    },
    load() {
      if (!upstream.serving || waitingBytes > MAX_WAITING_BYTES) return Number.POSITIVE_INFINITY;
      return sessions.size + handOvers.size;
    },
    isStalled() {
      const [oldest] = handOvers;
      return oldest !== undefined && now() - Math.max(oldest.since, acceptedAtMs) > STALLED_MS;
    },
    handOver(socket, bytes) {
      if (waitingBytes > MAX_WAITING_BYTES) return false;
      const handle = handleOf(socket);
      // The client has closed it in this turn.
      if (!handle) return true;
      const entry = { socket, handle, since: now() };
      handOvers.add(entry);
      waitingBytes += bytes.length;
      worker.send({ type: CONNECTION, data: bytes }, socket, (error) => {
        handOvers.delete(entry);
        waitingBytes -= bytes.length;
        acceptedAtMs = now();
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
      // Closing a handle that the worker has confirmed does nothing.
      lastHandedOver?.close();
    },
  };
  return upstream;
}

/**
 * Returns the upstream for a new session: the least loaded of those that began to serve since a reload began, else of all. A
 * stalled one comes last, and is still better than a refusal: it may only be busy, and if it dies its sockets are closed.
 */
export function chooseUpstream(
  renewed: Iterable<FrontUpstream>,
  all: Iterable<FrontUpstream>,
): FrontUpstream | undefined {
  const every = [...all];
  const isAwake = (upstream: FrontUpstream) => !upstream.isStalled();
  return (
    leastLoaded([...renewed].filter(isAwake)) ?? leastLoaded(every.filter(isAwake)) ?? leastLoaded(every)
  );
}

function leastLoaded(candidates: readonly FrontUpstream[]): FrontUpstream | undefined {
  let least = Number.POSITIVE_INFINITY;
  let chosen: FrontUpstream | undefined;
  for (const upstream of candidates) {
    const load = upstream.load();
    if (load >= least) continue;
    least = load;
    chosen = upstream;
  }
  return chosen;
}
