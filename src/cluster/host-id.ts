import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Returns this host's name in the cluster's registry. Two Roomcasts with different ports on one machine count as two
 * hosts. Only one Roomcast can use the same ports in the same network namespace of the same running machine: a primary
 * that finds its own id in the registry at the start finds a dead predecessor.
 */
export function hostId(basePort: number): string {
  return `${hostname()}:${basePort}@${machineId()}`;
}

/** The part of the id that people know: host name and port of slot 0. */
export function hostNameIn(id: string): string {
  return id.slice(0, Math.max(0, id.lastIndexOf('@'))) || id;
}

function machineId(): string {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${bootId.slice(0, 8)}${readlinkSync('/proc/self/ns/net').replace(/\D+/g, '-').slice(0, -1)}`;
  } catch {
    // An id that no later run has. The leases of this run expire by themselves.
    return String(process.ppid);
  }
}
