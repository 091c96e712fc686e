import type { Logger } from 'pino';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import { DEAF } from '../bus/probe.ts';
import { mayHaveLost } from '../connection/server-term.ts';
import type { WorkerNode } from './worker-node.ts';

export interface BusChecksDeps {
  readonly nodes: () => readonly WorkerNode[];
  /** Messages may be missing: a subscriber is deaf, or a server restarted or was promoted, and may lack the newest writes. */
  readonly onLoss: () => void;
  /** The same, if there are several servers. */
  readonly onRestart: () => void;
  readonly log: Logger;
}

/** Tests what each server delivers to this worker, and replaces the subscribers that get nothing. */
export interface BusChecks {
  /** Fails with the first failure of a server that is `required`. */
  probe(required: (node: WorkerNode) => boolean): Promise<Outcome<void>>;
  /** Replaces the subscribers that the last `probe` found deaf, or all if it found none. */
  reconnect(): void;
  /**
   * While one server is away, another may be deaf: after the first lost probe all rooms are compared with their logs, and after
   * the second the subscriber is replaced.
   */
  probeOthers(): Promise<void>;
}

/** One lost probe may have gone down with a connection that is reconnecting by itself. */
const MISSES_BEFORE_REDIAL = 2;

export function createBusChecks({ nodes, onLoss, onRestart, log }: BusChecksDeps): BusChecks {
  const terms = new WeakMap<WorkerNode, string>();
  const missedProbes = new WeakMap<WorkerNode, number>();
  let deaf: readonly WorkerNode[] = [];

  function watchTerms(watched: readonly WorkerNode[]): void {
    const restarted = watched.filter((node) => {
      const before = terms.get(node);
      const { term = before } = node.commands.server() ?? {};
      if (term !== undefined) terms.set(node, term);
      return before !== undefined && term !== undefined && mayHaveLost(before, term);
    });
    if (restarted.length === 0) return;
    onLoss();
    // If there is one server alone, the roster's heartbeat shows it.
    if (watched.length > 1) onRestart();
  }

  async function probeEach(): Promise<readonly (readonly [WorkerNode, Outcome<void>])[]> {
    const probed = nodes();
    watchTerms(probed);
    return Promise.all(probed.map(async (node) => [node, await node.bus.probe()] as const));
  }

  return {
    async probe(required) {
      const probed = (await probeEach()).filter(([node]) => required(node));
      deaf = probed.filter(([, { ok }]) => !ok).map(([node]) => node);
      return probed.find(([, { ok }]) => !ok)?.[1] ?? succeed(undefined);
    },
    reconnect() {
      const suspects = deaf.length > 0 ? deaf : nodes();
      for (const { subscriber } of suspects) subscriber.reconnect();
    },
    async probeOthers() {
      for (const [node, outcome] of await probeEach()) {
        const missed = outcome === DEAF ? (missedProbes.get(node) ?? 0) + 1 : 0;
        missedProbes.set(node, missed % MISSES_BEFORE_REDIAL);
        if (missed === 1) onLoss();
        if (missed < MISSES_BEFORE_REDIAL) continue;
        log.warn(
          { redis: node.shown },
          'the bus delivers nothing though this server answers: its connection is replaced',
        );
        node.subscriber.reconnect();
      }
    },
  };
}
