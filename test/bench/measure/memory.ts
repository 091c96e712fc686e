import { readFileSync } from 'node:fs';

/** Memory that is the process's own, plus its share of what it has in common with others, in bytes. */
export function pssOf(pid: number): number {
  const kilobytes = /^Pss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kilobytes) * 1_024;
}
