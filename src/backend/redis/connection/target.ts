import type { RedisAddress } from './address.ts';

/** The server that has the data. Every connection reads it before it dials, and follows when the server changes. */
export interface RedisTarget {
  /** The target's name in logs and errors. */
  readonly shown: string;
  readonly database: number;
  /** True if another server may take over, so that a replica need not remain one. */
  readonly moves: boolean;
  /** The server to dial; undefined while none is known. */
  address(): RedisAddress | undefined;
  /** The reason that no server is known, or the last failure to ask for one. */
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
