import type { ClientSocket } from '../socket-types.ts';

/*
 * Lets a polling connection be read in parts. Engine.IO decodes a body and delivers all of its packets in one turn of the event loop,
 * 2,000 of them or 1.2 MB. A connection that is paused keeps the rest of its packets, in order, until it is resumed; bodies that
 * come meanwhile queue behind.
 */

type Connection = ClientSocket['conn'];

/** Returns whether a body may be split. `heldBytes`: the bodies that wait already. */
export type AcceptPost = (connection: Connection, payload: string | Buffer, heldBytes: number) => boolean;

type Packet = { readonly type: string };
type Deliver = (packet: Packet) => unknown;

interface PrivateParser {
  /** Returns the packets or, in the 2.x protocol, calls back with each. */
  decodePayload(payload: string | Buffer, ...rest: unknown[]): unknown;
}

interface PollingConnection {
  readonly transport: {
    readonly name: string;
    /** Shared by all connections of a protocol. */
    parser: PrivateParser;
    [HELD]?: HeldPackets;
  };
  once(event: 'upgrade', listener: () => void): void;
  onPacket(packet: Packet): void;
}

/** A property of the transport, because the garbage collector visits each entry of a WeakMap again and again. */
const HELD = Symbol('held packets');

class HeldPackets {
  private readonly connection: PollingConnection;
  private waiting: { readonly packet: Packet; readonly deliver: Deliver }[] = [];
  private paused = false;
  private watched = false;
  bytes = 0;

  constructor(connection: PollingConnection) {
    this.connection = connection;
  }

  take(packet: Packet, deliver: Deliver): void {
    if (this.paused || this.waiting.length > 0) this.waiting.push({ packet, deliver });
    else deliver(packet);
  }

  /** Call it after the packets of a body were taken. */
  took(bytes: number): void {
    if (this.waiting.length > 0) this.bytes += bytes;
  }

  pause(): void {
    this.paused = true;
    if (this.watched) return;
    this.watched = true;
    this.connection.once('upgrade', () => this.deliverAll());
  }

  resume(): void {
    this.paused = false;
    const { waiting } = this;
    let next = 0;
    for (; next < waiting.length && !this.paused; next += 1) {
      const { packet, deliver } = waiting[next] as (typeof waiting)[number];
      deliver(packet);
    }
    this.waiting = waiting.slice(next);
    if (this.waiting.length === 0) this.bytes = 0;
  }

  /** The packets of the WebSocket come behind these, and Engine.IO does not listen to the polling transport any more. */
  private deliverAll(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const { packet } of waiting) if (packet.type !== 'close') this.connection.onPacket(packet);
  }
}

/** Calls `accept` with each body before it is split. Without it, or on another transport, a connection cannot be held. */
export function inspectPosts(given: Connection, accept: AcceptPost): void {
  const connection = given as unknown as PollingConnection;
  const { transport } = connection;
  if (transport.name !== 'polling') return;
  const held = new HeldPackets(connection);
  transport[HELD] = held;
  // The parser is wrapped and not the transport: a JSONP body is a form with escaped separators.
  const { parser } = transport;
  const decodePayload: PrivateParser['decodePayload'] = (payload, ...rest) => {
    if (!accept(given, payload, held.bytes)) return [];
    const deliver = rest.at(-1);
    if (typeof deliver === 'function') {
      parser.decodePayload(payload, ...rest.slice(0, -1), (packet: Packet) =>
        held.take(packet, deliver as Deliver),
      );
      return held.took(payload.length);
    }
    const packets = parser.decodePayload(payload, ...rest) as Packet[];
    return {
      forEach(each: Deliver) {
        for (const packet of packets) held.take(packet, each);
        held.took(payload.length);
      },
    };
  };
  transport.parser = Object.create(parser, { decodePayload: { value: decodePayload } });
}

/** Keeps packets from now on. */
export function holdPosts(connection: Connection): void {
  (connection as unknown as PollingConnection).transport[HELD]?.pause();
}

/** Delivers what was kept, until the connection is held again. */
export function readPosts(connection: Connection): void {
  (connection as unknown as PollingConnection).transport[HELD]?.resume();
}
