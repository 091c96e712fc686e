import type { PlannedFault } from '../plan/faults.ts';
import type { Random } from '../random.ts';
import type { FaultMark } from '../result.ts';
import type { LocalServers } from './local-processes.ts';

export interface InjectDeps {
  readonly local: LocalServers;
  readonly random: Random;
  /** Ms since the run began. */
  readonly atMs: () => number;
  readonly onFault: (mark: FaultMark) => void;
}

/** Says why the planned faults cannot be injected, so that the run does not begin. */
export function checkFaults(faults: readonly PlannedFault[], local: LocalServers | undefined): string[] {
  if (faults.length === 0) return [];
  if (local === undefined) {
    return [
      '--fault needs the processes of the server on this machine: run it there, as the user of the server or as root',
    ];
  }
  if (local.others.length > 0) {
    return local.others.map(
      ({ pid, name }) =>
        `--fault injects faults into Roomcast only, and process ${pid} at the address is ${name}: name the address of the server behind it`,
    );
  }
  return faults.flatMap(({ name, kind }) => {
    if (kind === 'redis-pause' && local.redis().length === 0)
      return [`--fault ${name}: the server has no Redis on this machine`];
    if (kind.includes('worker') && local.workers().length === 0)
      return [`--fault ${name}: process ${local.primaries.join(', ')} has no workers`];
    return [];
  });
}

/** Injects the faults at their times. Whatever it has stopped goes on when it is closed. */
export function openFaults(faults: readonly PlannedFault[], { local, random, atMs, onFault }: InjectDeps) {
  const timers: NodeJS.Timeout[] = [];
  const paused = new Set<number>();

  function targetsOf({ kind }: PlannedFault): number[] {
    if (kind === 'redis-pause') return local.redis();
    if (kind === 'reload') return [...local.primaries];
    const workers = local.workers();
    return workers.length === 0 ? [] : [random.one(workers)];
  }

  function inject(fault: PlannedFault): void {
    const targets = targetsOf(fault);
    const signal = fault.kind === 'kill-worker' ? 'SIGKILL' : fault.kind === 'reload' ? 'SIGHUP' : 'SIGSTOP';
    const done = targets.filter((pid) => signalled(pid, signal));
    const fromMs = atMs();
    const detail = done.length > 0 ? `${signal} to process ${done.join(', ')}` : 'its process was not there';
    onFault({ name: fault.name, fromMs, toMs: fromMs + fault.lastsMs, detail });
    if (fault.lastsMs === 0) return;
    for (const pid of done) paused.add(pid);
    timers.push(setTimeout(() => done.forEach(resume), fault.lastsMs));
  }

  function resume(pid: number): void {
    if (paused.delete(pid)) signalled(pid, 'SIGCONT');
  }

  for (const fault of faults) timers.push(setTimeout(inject, fault.atMs, fault));
  return {
    close(): void {
      for (const timer of timers) clearTimeout(timer);
      for (const pid of paused) resume(pid);
    },
  };
}

function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
