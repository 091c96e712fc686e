import type { Outcome } from '../protocol/codes.ts';
import { ADMIN_ANSWER_MS, withinLimit } from './answer-limit.ts';
import type { WorkerStatus } from './control.ts';
import type { RequestKind, WorkerIpc } from './ipc.ts';

export interface Readiness {
  /** Why the host is not ready, one sentence each; empty if it is ready. */
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  /** The servers of the store that are away, although the host is ready. */
  readonly away: readonly string[];
}

export interface ReadinessDeps {
  readonly workers: {
    status(): readonly WorkerStatus[];
    /** The worker that serves each slot. */
    ready(): readonly WorkerIpc[];
  };
  /** The request that a worker answers successfully if its store responds and its bus delivers. */
  readonly question: RequestKind<null, void>;
  readonly checkStore: () => Promise<Outcome<void>>;
  readonly warnings: () => readonly string[];
  readonly awayServers: () => readonly string[];
}

/**
 * The host is ready if each slot has a worker that reports so itself. A living process and a store that the primary
 * reaches do not prove it: a worker may hang, or receive nothing from the bus.
 */
export function createReadiness(deps: ReadinessDeps): () => Promise<Readiness> {
  const { workers, question } = deps;

  async function reasonOf(worker: WorkerIpc): Promise<string[]> {
    const answer = await worker.request(question, null, ADMIN_ANSWER_MS);
    return answer.ok ? [] : [`the worker of slot ${worker.slot} is not ready: ${answer.error.message}`];
  }

  return async () => {
    const serving = workers.ready();
    const served = new Set(serving.map(({ slot }) => slot));
    const unserved = workers
      .status()
      .filter(({ slot }) => !served.has(slot))
      .map(
        ({ slot, state, failures, reason }) =>
          `the worker of slot ${slot} is in state ${state}${failures ? `: ${failures} in a row ended before they were ready or soon after, the last by ${reason}` : ''}`,
      );
    const [store, ...answers] = await Promise.all([
      withinLimit(deps.checkStore()).then((checked) => (checked.ok ? [] : [checked.error.message])),
      ...serving.map(reasonOf),
    ]);
    return {
      reasons: [...unserved, ...answers.flat(), ...store],
      warnings: deps.warnings(),
      away: deps.awayServers(),
    };
  };
}
