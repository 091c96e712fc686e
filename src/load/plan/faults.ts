import { readDuration } from './quantities.ts';

/** The faults that a run can inject into servers on its own machine. */
export const FAULT_KINDS = {
  'kill-worker': { lasts: false, does: 'SIGKILL to one worker' },
  'worker-pause': { lasts: true, does: 'SIGSTOP to one worker, then SIGCONT' },
  'redis-pause': { lasts: true, does: 'SIGSTOP to the Redis of the servers, then SIGCONT' },
  reload: { lasts: false, does: 'SIGHUP to the primary: a rolling reload' },
} as const;
export type FaultKind = keyof typeof FAULT_KINDS;

export interface PlannedFault {
  readonly name: string;
  readonly kind: FaultKind;
  /** From the beginning of the load. */
  readonly atMs: number;
  readonly lastsMs: number;
}

/** Reads `kill-worker@20s, redis-pause@40s:5s`. */
export function readFaults(text: string, durationMs: number): { faults: PlannedFault[]; problems: string[] } {
  const faults: PlannedFault[] = [];
  const problems: string[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    const [, kind = '', at = '', lasts] = /^([\w-]+)@([^:]+)(?::(.+))?$/.exec(part) ?? [];
    const known = Object.hasOwn(FAULT_KINDS, kind) ? FAULT_KINDS[kind as FaultKind] : undefined;
    const atMs = readDuration(at);
    const lastsMs = lasts === undefined ? 0 : readDuration(lasts);
    if (known === undefined || atMs === undefined || lastsMs === undefined) {
      const kinds = Object.keys(FAULT_KINDS).join(', ');
      problems.push(
        `--fault takes parts such as kill-worker@20s or redis-pause@40s:5s (${kinds}), not ${JSON.stringify(part)}`,
      );
    } else if (known.lasts !== lastsMs > 0) {
      const should = known.lasts ? `needs a length: ${kind}@${at}:5s` : 'has no length';
      problems.push(`--fault ${part}: ${kind} ${should}`);
    } else if (atMs + lastsMs >= durationMs) {
      problems.push(
        `--fault ${part} would come or end after the load: raise --duration, or let it come earlier`,
      );
    } else faults.push({ name: part, kind: kind as FaultKind, atMs, lastsMs });
  }
  return { faults: faults.sort((a, b) => a.atMs - b.atMs), problems };
}
