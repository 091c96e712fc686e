import { childrenOf, isAlive } from '../../faults/processes.ts';
import { cpuNsOf, machineBusyMs } from './cpu.ts';

const SAMPLE_MS = 1_000;
const NANOS_PER_MS = 1e6;

/** A machine with more work of others than this, in cores, gives no figures to keep. Runs on a quiet one had 0.00 to 0.03. */
export const MAX_OTHERS_CORES = 0.1;

/** The work of the machine and of our own processes up to a moment. */
export interface BusySample {
  readonly atMs: number;
  /** Of all cores together, with what the host of a virtual machine took away. */
  readonly busyMs: number;
  /** By process: the time on a core since its start. */
  readonly ownMs: ReadonlyMap<number, number>;
}

export interface OthersWatch {
  /** Returns how many cores the processes of others kept busy in the busier stretches of the run. */
  stop(): number;
}

/** Watches what is neither this process nor started by it, from now on. */
export function watchOthers(): OthersWatch {
  const known = new Set([process.pid]);
  const samples = [sample(known)];
  const sampling = setInterval(() => samples.push(sample(known)), SAMPLE_MS);
  return {
    stop() {
      clearInterval(sampling);
      samples.push(sample(known));
      return othersCoresOf(samples);
    },
  };
}

/**
 * The upper quartile of the stretches between two samples. Not the most: a process of ours that ends takes what it did
 * since the last sample along, which looks like work of others.
 */
export function othersCoresOf(samples: readonly BusySample[]): number {
  const stretches = samples
    .slice(1)
    .map((now, index) => othersBetween(samples[index] as BusySample, now))
    .sort((a, b) => a - b);
  return stretches[Math.ceil(stretches.length * 0.75) - 1] ?? 0;
}

function othersBetween(before: BusySample, now: BusySample): number {
  let ownMs = 0;
  for (const [pid, ms] of now.ownMs) ownMs += ms - (before.ownMs.get(pid) ?? 0);
  return Math.max(0, now.busyMs - before.busyMs - ownMs) / (now.atMs - before.atMs);
}

/** A worker that outlives its primary is no descendant any more, so those once seen stay known. */
function sample(known: Set<number>): BusySample {
  for (const pid of known) {
    if (!isAlive(pid)) known.delete(pid);
    // A set shows what is added to it during the loop.
    else for (const child of childrenOf(pid)) known.add(child);
  }
  const { busyMs, stolenMs } = machineBusyMs();
  return {
    atMs: performance.now(),
    busyMs: busyMs + stolenMs,
    ownMs: new Map([...known].map((pid) => [pid, cpuNsOf(pid) / NANOS_PER_MS])),
  };
}
