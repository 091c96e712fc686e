import type { RedisAddress } from './address.ts';

/** Where the server with the data is now. Every connection asks before it dials, and follows when the server changes. */
export interface RedisTarget {
  /** How logs and errors name it. */
  readonly shown: string;
  readonly database: number;
  /** Whether another server may take over, so that a replica need not remain one. */
  readonly moves: boolean;
  /** The server to dial; undefined while nobody knows one. */
  address(): RedisAddress | undefined;
  /** Why no server is known, or the last failure to ask for one. */
  problem(): unknown;
  /** A connection found the server away, or that it takes no writes. */
  recheck(): void;
  /** Calls the listener whenever `address` changes, until the returned function is called. */
  onMove(listener: () => void): () => void;
  close(): void;
}

/** A server that stays where it is. */
export function fixedTarget(address: RedisAddress): RedisTarget {
  const { shown, database } = address;
  return {
    shown,
    database,
    moves: false,
    address: () => address,
    problem: () => undefined,
    recheck: () => undefined,
    onMove: () => () => undefined,
    close: () => undefined,
  };
}
