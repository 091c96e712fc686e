import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Checks come about once a second. V8 looks at the last five seconds. */
const COLLECT_AFTER_CHECKS: readonly number[] = [10, 16];

export interface IdleCollection {
  /** To be called about once a second. */
  check(): void;
}

export interface IdleCollectionDeps {
  /** Returns how many clients this process, or the workers of this host, have. */
  readonly clients: () => number;
  readonly collect: () => void;
}

/**
 * Collects garbage when a process has had no clients for ten seconds. V8 collects when memory is asked for, so a
 * process that does nothing keeps what its start, or its last crowd, left behind: a third of an idle worker's memory.
 * No client waits while it collects, but a request of the HTTP API or a reader of the event stream may. It collects
 * again some seconds later: only then does V8 know how few objects are made, and gives back the space that it holds
 * for new ones.
 */
export function createIdleCollection({ clients, collect }: IdleCollectionDeps): IdleCollection {
  let idleChecks = 0;

  return {
    check() {
      idleChecks = clients() > 0 ? 0 : idleChecks + 1;
      if (COLLECT_AFTER_CHECKS.includes(idleChecks)) collect();
    },
  };
}

/** Node has no other call for this that needs no option at the start. */
export function openGarbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
