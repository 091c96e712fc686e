import { ROSTER_HEARTBEAT_MS, ROSTER_LEASE_MS } from '../../../chat/roster.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands, RedisServer } from '../connection/commands.ts';
import { mayHaveLost } from '../connection/server-term.ts';
import type { RedisKeys } from '../keys.ts';
import type { Script } from '../scripts.ts';
import type { ClusterClock } from './cluster-clock.ts';
import type { OccupiedRooms } from './occupied-rooms.ts';
import { ROSTER_KEYS_LIVE_MS } from './room-scripts.ts';

export interface HeartbeatDeps {
  readonly redis: RedisCommands;
  /** roster-heartbeat.lua */
  readonly script: Script;
  readonly keys: RedisKeys;
  readonly instanceId: string;
  readonly host: string;
  readonly occupied: Pick<OccupiedRooms, 'extendLifetime'>;
  readonly clock: ClusterClock;
  readonly now: () => number;
  /**
   * The store accepted a heartbeat. `known`: the instance had sent one before. `mayHaveLost`: the server restarted or
   * another one took over, so it may lack the newest writes. Resolves once the listener knows whether somebody reaped the
   * instance; the heartbeat renews no lease before.
   */
  readonly onAccepted: (known: boolean, mayHaveLost: boolean) => Promise<void>;
}

export interface Heartbeat {
  /** Extends this instance's lease. */
  send(clients: number): Promise<Outcome<void>>;
  /** Sends the last heartbeat again, if there was one. */
  repeat(): void;
  /** Returns whether the lease certainly runs: nobody can have reaped this instance. */
  isLeased(): boolean;
  /**
   * Lists an instance that is not listed, without a heartbeat. While the server of the list alone is away, this instance still
   * is what its last heartbeat made it.
   */
  list(instanceId: string): Promise<Outcome<unknown>>;
}

const LEASE_MS = String(ROSTER_LEASE_MS);

export function createHeartbeat(deps: HeartbeatDeps): Heartbeat {
  const { redis, script, keys, instanceId, host, occupied, clock, now, onAccepted } = deps;
  const scriptKeys = [keys.instances, ...keys.leases];
  let term: string | undefined;
  let lifetimeExtendedAtMs = Number.NEGATIVE_INFINITY;
  let acceptedAtMs = Number.NEGATIVE_INFINITY;
  let lastClients: number | undefined;

  async function send(clients: number): Promise<Outcome<void>> {
    lastClients = clients;
    const sentAtMs = now();
    if (now() - lifetimeExtendedAtMs >= ROSTER_HEARTBEAT_MS) {
      lifetimeExtendedAtMs = now();
      void occupied.extendLifetime(instanceId, ROSTER_KEYS_LIVE_MS);
    }
    let answering: RedisServer | undefined;
    const outcome = await redis.evaluate<[known: number, clusterMs: string]>(script, scriptKeys, (server) => {
      answering = server;
      return [clock.leastAt(server), instanceId, LEASE_MS, String(clients), host, ''];
    });
    if (!outcome.ok) {
      clock.onRefused();
      return outcome;
    }
    const [known, clusterMs] = outcome.value;
    if (answering) clock.onHeartbeat(Number(clusterMs), answering);
    const before = term;
    term = answering?.term;
    const lost = before !== undefined && (term === undefined || mayHaveLost(before, term));
    void onAccepted(known === 1, lost).then(() => {
      acceptedAtMs = Math.max(acceptedAtMs, sentAtMs);
    });
    return succeed(undefined);
  }

  return {
    send,
    repeat() {
      if (lastClients !== undefined) void send(lastClients);
    },
    isLeased: () => now() - acceptedAtMs < ROSTER_LEASE_MS,
    async list(one) {
      const listed = await redis.evaluate(script, scriptKeys, (server) => [
        clock.leastAt(server),
        one,
        LEASE_MS,
        `?${one === instanceId ? (lastClients ?? '') : ''}`,
        host,
        'new',
      ]);
      const stands = one === instanceId && term !== undefined && !listed.ok;
      return stands && listed.error.code === 'unavailable' ? succeed(0) : listed;
    },
  };
}
