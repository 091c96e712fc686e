import { ROSTER_HEARTBEAT_MS } from '../../../chat/roster.ts';
import type { RedisServer } from '../connection/commands.ts';

/*
 * A lower bound of the cluster's time, which roster-time.lua keeps. After a heartbeat, the cluster's time is at least the time
 * in the reply, plus what this process has measured since the reply by a clock that cannot be set. The heartbeats of all
 * processes carry this bound to Redis, which takes the highest: so the time advances as real time does, and never faster.
 */

/** The most that counts after a heartbeat. While none is accepted, the time stands still, and no lease ends. */
const MOST_COUNTED_MS = 2 * ROSTER_HEARTBEAT_MS;
/**
 * The most that counts once the store has refused a heartbeat of this process, and perhaps everybody's since the last one that
 * it accepted. Instances that sent theirs an interval before then do not seem silent when the store accepts heartbeats again.
 */
const MOST_COUNTED_REFUSED_MS = ROSTER_HEARTBEAT_MS;

export interface ClusterClock {
  /** The least that the cluster's time can be now, as the scripts take it; '' if this process does not know. */
  leastAt(server: RedisServer): string;
  /** The server accepted a heartbeat of this process, and said the cluster's time. */
  onHeartbeat(clusterMs: number, server: RedisServer): void;
  /** No server accepted a heartbeat of this process. */
  onRefused(): void;
}

export function createClusterClock(now: () => number): ClusterClock {
  /** The cluster's time less this process's, the highest since the last interruption. */
  let aheadMs = Number.NEGATIVE_INFINITY;
  let acceptedAtMs = Number.NEGATIVE_INFINITY;
  /** Another server, or the same one after a restart or a failover, may be at an earlier time. */
  let term: string | undefined;
  let refused = false;

  return {
    leastAt(server) {
      if (server.term !== term) return '';
      const mostMs = refused ? MOST_COUNTED_REFUSED_MS : MOST_COUNTED_MS;
      return String(Math.floor(aheadMs + Math.min(now(), acceptedAtMs + mostMs)));
    },
    onHeartbeat(clusterMs, server) {
      const atMs = now();
      const interrupted = server.term !== term || atMs - acceptedAtMs > MOST_COUNTED_MS;
      aheadMs = Math.max(interrupted ? Number.NEGATIVE_INFINITY : aheadMs, clusterMs - atMs);
      acceptedAtMs = atMs;
      term = server.term;
      refused = false;
    },
    onRefused() {
      refused = true;
    },
  };
}
