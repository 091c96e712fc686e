import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds that all threads of a process that still live have spent on a core. */
export function cpuNsOf(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]);
  }
  return sum;
}

/** How busy the machine's cores were altogether, and what its host took away, in core-milliseconds. */
export function machineBusyMs(): { readonly busyMs: number; readonly stolenMs: number } {
  const ticks = /^cpu +(.*)$/m.exec(read('/proc/stat'))?.[1]?.split(' ').map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks;
  return { busyMs: (user + nice + system + irq + softirq) * TICK_MS, stolenMs: steal * TICK_MS };
}

/** USER_HZ is 100 on every Linux this runs on. */
const TICK_MS = 10;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The thread or process has just ended.
    return '0';
  }
}
