import type { Socket } from 'socket.io';
import { type Bucket, DebtBucket, type Rate } from '../../chat/rate-limit.ts';
import type { ClientToServer, ServerToClient } from '../../protocol/events.ts';

/** What is held of one connection's events until they are answered: its sender does not look at the answers. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** Beside its packet an event costs what waits for it. */
const EVENT_OVERHEAD_BYTES = 256;

const NONE: readonly never[] = Object.freeze([]);

/** What a connection, or all connections of an address together, may send. */
export interface TrafficRates {
  readonly events: Rate | undefined;
  readonly bytes: Rate | undefined;
}

/** What was sent, as events and as bytes. */
export class Traffic {
  private readonly events: DebtBucket | undefined;
  private readonly bytes: DebtBucket | undefined;

  constructor({ events, bytes }: TrafficRates, now: () => number) {
    this.events = events && new DebtBucket(events, now);
    this.bytes = bytes && new DebtBucket(bytes, now);
  }

  /** One more packet: 0, or in how many ms the next one may pass. */
  take(bytes: number): number {
    return Math.max(this.events?.take(1) ?? 0, this.bytes?.take(bytes) ?? 0);
  }

  /** An event took as much as so many more. */
  charge(events: number): void {
    this.events?.take(events);
  }

  get isDeepInDebt(): boolean {
    return (this.events?.isDeepInDebt ?? false) || (this.bytes?.isDeepInDebt ?? false);
  }

  get isFull(): boolean {
    return (this.events?.isFull ?? true) && (this.bytes?.isFull ?? true);
  }

  get debtMs(): number {
    return Math.max(this.events?.debtMs ?? 0, this.bytes?.debtMs ?? 0);
  }
}

/**
 * What one connection may still do. It belongs to the connection and not to who speaks over it: leaving a namespace and entering
 * it again makes another person, and with buckets of its own that was a way around every limit.
 */
export class ConnectionBudget {
  /** Of the namespaces it is in. Made anew when one comes or goes: a list that was pushed to keeps room for 16 more. */
  sockets: readonly Pick<Socket<ClientToServer, ServerToClient>, 'emit'>[] = NONE;
  readonly traffic: Traffic;
  /** Of its client, where other people do not share it unseen. */
  readonly address: string | undefined;
  /** Namespaces it entered, left ones too. */
  connects = 0;
  /** Of another transport. */
  probes = 0;
  /** It was let go: nothing more of it is looked at. */
  ended = false;
  private buckets: Map<string, Bucket> | undefined = undefined;
  private heldBytes = 0;

  constructor(traffic: Traffic, address?: string) {
    this.traffic = traffic;
    this.address = address;
  }

  /** The bucket of that name, made when it is first asked for. */
  bucket(name: string, make: () => Bucket): Bucket {
    this.buckets ??= new Map();
    let bucket = this.buckets.get(name);
    if (!bucket) {
      bucket = make();
      this.buckets.set(name, bucket);
    }
    return bucket;
  }

  /** False when too much of the connection waits to be answered. What is held has to be released. */
  hold(packetBytes: number): boolean {
    const bytes = EVENT_OVERHEAD_BYTES + packetBytes;
    if (this.heldBytes + bytes > MAX_HELD_BYTES) return false;
    this.heldBytes += bytes;
    return true;
  }

  release(packetBytes: number): void {
    this.heldBytes -= EVENT_OVERHEAD_BYTES + packetBytes;
  }
}
