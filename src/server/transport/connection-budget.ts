import type { Socket } from 'socket.io';
import { type Bucket, DebtBucket, type Rate } from '../../chat/rate-limit.ts';
import type { Outcome } from '../../protocol/codes.ts';
import type { ClientToServer, ServerToClient } from '../../protocol/events.ts';

/** Upper bound for the events of one connection that wait to be answered. */
const MAX_RESERVED_BYTES = 8 * 1024 * 1024;
/** Closures and promises that wait for an event, beside its packet. */
const EVENT_OVERHEAD_BYTES = 256;

const NONE: readonly never[] = Object.freeze([]);

/** Rates of one connection, or of all connections of an address together. */
export interface TrafficRates {
  readonly events: Rate | undefined;
  readonly bytes: Rate | undefined;
}

/** Counts events and bytes against their rates. */
export class Traffic {
  private readonly events: DebtBucket | undefined;
  private readonly bytes: DebtBucket | undefined;

  constructor({ events, bytes }: TrafficRates, now: () => number) {
    this.events = events && new DebtBucket(events, now);
    this.bytes = bytes && new DebtBucket(bytes, now);
  }

  /** Counts one packet. Returns 0 if it may pass, else the milliseconds until the next one may. */
  take(bytes: number): number {
    return Math.max(this.events?.take(1) ?? 0, this.bytes?.take(bytes) ?? 0);
  }

  /** Counts an expensive event as so many more. */
  charge(events: number): void {
    this.events?.take(events);
  }

  /**
   * Counts bytes that an event makes the store write beyond those it sent. The connection may have to wait for them; that it
   * sent too much is no reason to close it.
   */
  chargeBytes(bytes: number): void {
    this.bytes?.charge(bytes);
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
 * The limits of one connection. They belong to the connection and not to its user: a client that leaves a namespace and enters
 * it again becomes another guest, and would get full buckets each time.
 */
export class ConnectionBudget {
  /** Its sockets, one a namespace. Replaced on every change: an array that was pushed to reserves space for 16 more. */
  sockets: readonly Pick<Socket<ClientToServer, ServerToClient>, 'emit'>[] = NONE;
  readonly traffic: Traffic;
  /** The client's address, if other people cannot share it unseen. */
  readonly address: string | undefined;
  /** Number of CONNECT packets so far. */
  connects = 0;
  /** Number of probes of another transport so far. */
  probes = 0;
  /** The bytes of its WebSocket that were parsed up to the last packet. */
  parsedBytes = 0;
  /** RATE_ADMIT has let the connection in. */
  admitted = false;
  /** Its answer, while it is awaited and if it is a time to come back at. */
  admission: Promise<Outcome<number>> | undefined = undefined;
  /** The connection is being closed: its packets are ignored. */
  closing = false;
  /** Namespaces that it has asked to enter and that have not answered yet. */
  private entering: readonly string[] = NONE;
  private buckets: Map<string, Bucket> | undefined = undefined;
  private reservedBytes = 0;

  constructor(traffic: Traffic, address?: string) {
    this.traffic = traffic;
    this.address = address;
  }

  /**
   * Returns false if the connection is entering the namespace already. Socket.IO closes a connection that sends a second CONNECT
   * to a namespace, but not while the first is being checked: 20 of them made 20 sockets, each with limits of its own.
   */
  beginEntering(nsp: string): boolean {
    if (this.entering.includes(nsp)) return false;
    this.entering = [...this.entering, nsp];
    return true;
  }

  endEntering(nsp: string): void {
    this.entering = this.entering.filter((one) => one !== nsp);
  }

  /** Returns the bucket of that name, created on first use. */
  bucket(name: string, make: () => Bucket): Bucket {
    this.buckets ??= new Map();
    let bucket = this.buckets.get(name);
    if (!bucket) {
      bucket = make();
      this.buckets.set(name, bucket);
    }
    return bucket;
  }

  /** Reserves memory for a waiting event. Returns false if too much waits already. The caller MUST release what it reserved. */
  reserve(packetBytes: number): boolean {
    const bytes = EVENT_OVERHEAD_BYTES + packetBytes;
    if (this.reservedBytes + bytes > MAX_RESERVED_BYTES) return false;
    this.reservedBytes += bytes;
    return true;
  }

  release(packetBytes: number): void {
    this.reservedBytes -= EVENT_OVERHEAD_BYTES + packetBytes;
  }
}
