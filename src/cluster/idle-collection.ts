import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Checks come about once a second. V8 looks at the last five seconds. */
const COLLECT_AFTER_CHECKS: readonly number[] = [10, 16];
/** Processor time between two checks. A process at rest takes a few milliseconds, and 20 when it is scraped. */
const BUSY_MS = 50;

export interface IdleCollection {
  /** To be called about once a second. */
  check(): void;
}

export interface IdleCollectionDeps {
  /** Returns how many clients this process, or the workers of this host, have. */
  readonly clients: () => number;
  /** Returns the processor time of this process since its start. */
  readonly cpuMs: () => number;
  readonly collect: () => void;
}

/**
 * Collects garbage when a process has had no clients, and little to do, for ten seconds. V8 collects when memory is asked
 * for, so a process that does nothing keeps what its start, or its last crowd, left behind: a third of an idle worker's
 * memory. A collection stops the process for 10 to 20 ms: no client waits for it, and a process that is busy without
 * clients, as with requests of the HTTP API, is left alone. It collects again some seconds later: only then does V8 know
 * how few objects are made, and gives back the space that it holds for new ones.
 */
export function createIdleCollection({ clients, cpuMs, collect }: IdleCollectionDeps): IdleCollection {
  let idleChecks = 0;
  let lastCpuMs = cpuMs();
  /** The threads of the collector go on behind a collection. */
  let hasJustCollected = false;

  function isBusy(): boolean {
    const spentMs = cpuMs() - lastCpuMs;
    lastCpuMs += spentMs;
    return clients() > 0 || (spentMs > BUSY_MS && !hasJustCollected);
  }

  return {
    check() {
      idleChecks = isBusy() ? 0 : idleChecks + 1;
      hasJustCollected = COLLECT_AFTER_CHECKS.includes(idleChecks);
      if (hasJustCollected) collect();
    },
  };
}

/** Node has no other call for this that needs no option at the start. */
export function openGarbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
