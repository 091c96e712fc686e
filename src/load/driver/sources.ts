/** The source of a connection. */
export interface Source {
  readonly address: string;
  readonly port: number;
}

/** Another one at every call. */
export type Sources = () => Source;

const FIRST_PORT = 10_000;
const PORTS = 20_000;

/**
 * Addresses of a process's own in 127.0.0.0/8, since one has ports for some 28,000 connections only; and ports by
 * number, since the kernel takes 2 ms to find a free one of a given address once some ten thousand are taken.
 */
export function createSources(pid: number): Sources {
  const network = `127.${64 + ((pid >> 8) & 0x7f)}.${pid & 0xff}`;
  let taken = 0;
  return () => {
    const source = {
      address: `${network}.${1 + (Math.floor(taken / PORTS) % 250)}`,
      port: FIRST_PORT + (taken % PORTS),
    };
    taken += 1;
    return source;
  };
}
