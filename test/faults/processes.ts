import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const PAGE_BYTES = 4_096;

/** The workers of a primary: its children, asked of the kernel, so that a hanging primary cannot hide one. */
export function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
}

export function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== '' && !stat.includes(') Z ');
}

export function rssBytes(pid: number): number {
  return Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * PAGE_BYTES;
}

/** Whether the TCP connection dialled from this local port belongs to the process. */
export function dialledBy(pid: number, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = `${read('/proc/net/tcp')}\n${read('/proc/net/tcp6')}`.split('\n');
  const line = lines.find((text) => text.trim().split(/\s+/)[1]?.endsWith(`:${hex}`));
  const inode = line?.trim().split(/\s+/)[9];
  if (inode === undefined) return false;
  return descriptors(pid).includes(`socket:[${inode}]`);
}

function descriptors(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
