import type { ServerToClient } from '../../protocol/events.ts';
import type { Sized } from '../../sizes.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';
import type { Connection, ConnectionInternals } from '../transport/private-members.ts';
import { createMessageEncoder, type Encoded, type OutboundEvent } from '../transport/websocket-frames.ts';

/**
 * Sends events to every connection of this worker, or to a new one, past Engine.IO. `hello` must be the first event of a
 * connection and takes a round trip or two, so a broadcast leaves out connections that still wait for it; `hello` then
 * carries the current state.
 */
export interface ConnectionAnnouncer {
  awaitHello(socketId: string): void;
  /** The connection got its `hello`, or is gone. */
  helloSent(socketId: string): void;
  /** Sends to every connection that got its `hello`; broadcasts keep their order. */
  broadcast(event: NonNullable<OutboundEvent['event']>, payload: object): void;
  /**
   * Sends to one connection. All that is sent in one turn of the event loop leaves in one write, while Engine.IO would write
   * the second packet after it wrote the first.
   */
  sendTo<E extends Greeting>(
    socket: Pick<ClientSocket, 'nsp' | 'conn'>,
    event: E,
    payload: Parameters<ServerToClient[E]>[0],
  ): void;
  close(): void;
}

export interface ConnectionAnnouncerDeps {
  readonly namespaces: readonly Pick<ChatNamespace, 'name' | 'sockets'>[];
  readonly internals: Pick<ConnectionInternals, 'pathTo'>;
  /** Gathers what is written to the connection until the end of the turn. */
  readonly gatherWrites: (connection: Connection) => void;
  readonly nextTurn: (task: () => void) => void;
}

/** A new connection is sent these. */
type Greeting = 'hello' | 'online' | 'joined';

/** Connections in one turn, which take about 2 ms. 2,500 at once held up the event loop for 90 ms. */
const SLICE = 200;

/** One event for the connections of a namespace that had their `hello` when it was broadcast. */
interface Broadcast {
  readonly sockets: ChatNamespace['sockets'];
  readonly ids: readonly string[];
  readonly encoded: Encoded;
  sent: number;
}

export function createConnectionAnnouncer({
  namespaces,
  internals,
  gatherWrites,
  nextTurn,
}: ConnectionAnnouncerDeps): ConnectionAnnouncer & Sized {
  const waiting = new Set<string>();
  const served = namespaces.map(({ name, sockets }) => ({
    name,
    sockets,
    encoder: createMessageEncoder(name),
  }));
  const encoders = new Map(served.map(({ name, encoder }) => [name, encoder]));
  let broadcasts: Broadcast[] = [];
  let sending = false;

  function sendSlice(): void {
    for (let left = SLICE; left > 0; left -= 1) {
      while (broadcasts[0] && broadcasts[0].sent === broadcasts[0].ids.length) broadcasts.shift();
      const [first] = broadcasts;
      sending = first !== undefined;
      if (!first) return;
      sendNext(first);
    }
    nextTurn(sendSlice);
  }

  function sendNext(broadcast: Broadcast): void {
    const { sockets, ids, encoded } = broadcast;
    const connection = sockets.get(ids[broadcast.sent] ?? '')?.conn;
    broadcast.sent += 1;
    if (connection) write(connection, encoded);
  }

  function write(connection: Connection, encoded: Encoded): void {
    if (internals.pathTo(connection).write(encoded.frames)) return;
    for (const packet of encoded.packets()) connection.write(packet);
  }

  return {
    sizes: () => ({ waiting: waiting.size, broadcasts: broadcasts.length }),
    awaitHello: (socketId) => void waiting.add(socketId),
    helloSent: (socketId) => void waiting.delete(socketId),
    broadcast(event, payload) {
      const json = JSON.stringify(payload);
      for (const { sockets, encoder } of served) {
        const ids = [...sockets.keys()].filter((id) => !waiting.has(id));
        broadcasts.push({ sockets, ids, encoded: encoder.encode([{ event, json }]), sent: 0 });
      }
      if (!sending) sendSlice();
    },
    sendTo({ nsp, conn }, event, payload) {
      const encoder = encoders.get(nsp.name) ?? createMessageEncoder(nsp.name);
      gatherWrites(conn);
      write(conn, encoder.encode([{ event, json: JSON.stringify(payload) }]));
    },
    close() {
      broadcasts = [];
    },
  };
}
