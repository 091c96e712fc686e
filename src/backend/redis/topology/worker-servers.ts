import type { Logger } from 'pino';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { BackendOptions } from '../../backend.ts';
import { type BusProbe, createBusProbe, DEAF } from '../bus/probe.ts';
import { createRoutedSubscriptions } from '../bus/routed-subscriptions.ts';
import { openSubscriber, type Subscriber } from '../bus/subscriber.ts';
import type { Subscriptions } from '../bus/subscriptions.ts';
import type { CallPacing } from '../connection/call-pacing.ts';
import type { RedisCommands, RedisServer } from '../connection/commands.ts';
import { replyIn } from '../connection/failures.ts';
import { createPacedRedial } from '../connection/paced-redial.ts';
import { openRedisConnection } from '../connection/redis-connection.ts';
import { openReplicaAcks, type ReplicaAcks } from '../connection/replica-acks.ts';
import { createRightsCheck } from '../connection/rights-check.ts';
import { mayHaveLost } from '../connection/server-term.ts';
import type { RedisTarget } from '../connection/target.ts';
import type { RedisKeys } from '../keys.ts';
import type { Script } from '../scripts.ts';
import { openTopology } from './open-topology.ts';
import type { RedisTopology, TopologyNode } from './topology.ts';

/** A worker's connections to all servers. */
export interface WorkerServers {
  readonly commands: RedisCommands;
  readonly subscriptions: Subscriptions;
  /** Their names in logs and errors. */
  shown(): string;
  /** Tells how a write of that key went. A server that names a cause each time is dialled again: a proxy may lead elsewhere. */
  noteWrite(key: string, written: Outcome<unknown>): void;
  /** Tests each server's subscriber: what is published there must come back. */
  probe(): Promise<Outcome<void>>;
  /** Replaces the subscribers that the last probe found deaf, or all if it found none. */
  reconnect(): void;
  /** Succeeds if each server answers and allows what this worker does. */
  check(): Promise<Outcome<void>>;
  /** Succeeds once enough replicas have what the key's server answered before; absent if none need to. */
  readonly replicated?: (key: string, server: RedisServer) => Promise<Outcome<void>>;
  /** Calls the listener when a server answers that may lack the newest writes. */
  onTakeover(listener: () => void): void;
  /** Resolves with true once all servers are connected, or with false after that time. */
  usable(withinMs: number): Promise<boolean>;
  /** The server that is not usable, and the reason. */
  problem(): { readonly redis: string; readonly err: unknown } | undefined;
  close(): Promise<void>;
}

export interface WorkerServersDeps {
  readonly options: BackendOptions;
  readonly instanceId: string;
  readonly keys: RedisKeys;
  readonly scripts: readonly Script[];
  readonly pacing: CallPacing;
  readonly log: Logger;
}

interface WorkerNode extends TopologyNode {
  readonly shown: string;
  readonly subscriber: Subscriber;
  readonly bus: BusProbe;
  readonly acks: ReplicaAcks | undefined;
  readonly checkRights: () => Promise<Outcome<void>>;
  readonly checkAcks: () => Promise<Outcome<void>>;
  readonly noteWrite: (written: Outcome<unknown>) => void;
}

/** A migration moves slot after slot. A subscriber is replaced once for all that went in this time. */
const RECONNECT_EVERY_MS = 2_000;
/** One lost probe may have gone down with a connection that is reconnecting by itself. */
const MISSES_BEFORE_REDIAL = 2;

export function openWorkerServers(deps: WorkerServersDeps): WorkerServers {
  const { options, instanceId, keys, scripts, pacing, log } = deps;
  const { ackReplicas = 0 } = options;
  const resyncListeners: (() => void)[] = [];
  const takeoverListeners: (() => void)[] = [];
  const now = () => performance.now();
  const terms = new WeakMap<WorkerNode, string>();
  const missedProbes = new WeakMap<WorkerNode, number>();
  let deaf: readonly WorkerNode[] = [];

  function openNode(target: RedisTarget, probeTag: () => string | undefined): WorkerNode {
    const commands = openRedisConnection({ target, scripts, log, pacing });
    const subscriber = openSubscriber({ target, log });
    const { subscriptions } = subscriber;
    subscriptions.onResync(() => {
      for (const listener of resyncListeners) listener();
    });
    const channel = () => {
      const tag = probeTag();
      return tag === undefined ? undefined : keys.probe(instanceId, tag);
    };
    const bus = createBusProbe({ redis: commands, subscriptions, channel });
    const acks = ackReplicas > 0 ? openReplicaAcks({ target, replicas: ackReplicas, now, log }) : undefined;
    const pacedRedial = createPacedRedial({
      now,
      redial() {
        commands.redial();
        acks?.redial();
      },
    });

    const writeRedial = createPacedRedial({ now, redial: commands.redial });

    function noteWrite(written: Outcome<unknown>): void {
      if (written.ok || (commands.server() && replyIn(written) !== undefined)) writeRedial.note(written.ok);
    }

    async function checkAcks(): Promise<Outcome<void>> {
      const server = commands.server();
      if (!acks || !server) return succeed(undefined);
      // Behind a proxy, the two connections may lead to different servers.
      const same = acks.asks(server);
      if (same !== undefined) pacedRedial.note(same);
      const tag = probeTag();
      return acks.check(tag === undefined ? undefined : keys.ackTest(tag), server);
    }

    const checkRights = createRightsCheck({
      redis: commands,
      keyPrefix: options.keyPrefix,
      keys,
      waits: ackReplicas > 0,
      clustered: options.redisClusterNodes !== undefined,
    });
    return {
      shown: target.shown,
      commands,
      subscriber,
      bus,
      acks,
      checkRights,
      checkAcks,
      noteWrite,
      close: async () => {
        subscriber.close();
        await Promise.all([commands.close(), acks?.close()]);
      },
    };
  }

  const topology: RedisTopology<WorkerNode> = openTopology({ options, openNode, log });
  const redials = createRedials();

  /**
   * Redis unsubscribes the channels of a slot that leaves a server. node-redis takes that for the reply to whatever is under
   * way, and counts one reply too few from then on. So what is left at that server gets a new connection.
   */
  topology.onMove((nodes) => {
    for (const { bus } of nodes) bus.follow();
    for (const { subscriber } of nodes) {
      const handed = subscriber.subscriptions.handOver(
        (name) => topology.nodeOf(name).subscriber.subscriptions,
      );
      if (handed > 0) redials.schedule(subscriber);
    }
  });

  const subscriptions = createRoutedSubscriptions({
    serverOf: (name) => topology.nodeOf(name).subscriber.subscriptions,
    onResync: (listener) => {
      resyncListeners.push(listener);
    },
  });

  async function check(): Promise<Outcome<void>> {
    const checks = topology
      .nodes()
      .flatMap(({ commands, checkRights, checkAcks }) => [commands.verify(), checkRights(), checkAcks()]);
    const failed = (await Promise.all(checks)).find(({ ok }) => !ok);
    if (failed && topology.nodes().length > 1) await probeOthers();
    return failed && !failed.ok ? failed : succeed(undefined);
  }

  /** A server that restarted may lack the newest writes. */
  function watchTerms(nodes: readonly WorkerNode[]): void {
    const restarted = nodes.filter((node) => {
      const before = terms.get(node);
      const { term = before } = node.commands.server() ?? {};
      if (term !== undefined) terms.set(node, term);
      return before !== undefined && term !== undefined && mayHaveLost(before, term);
    });
    // If there is one server alone, the roster's heartbeat shows it.
    if (restarted.length > 0 && nodes.length > 1) for (const listener of takeoverListeners) listener();
  }

  async function probeEach(): Promise<readonly (readonly [WorkerNode, Outcome<void>])[]> {
    const nodes = topology.nodes();
    watchTerms(nodes);
    return Promise.all(nodes.map(async (node) => [node, await node.bus.probe()] as const));
  }

  async function probe(): Promise<Outcome<void>> {
    const probed = await probeEach();
    deaf = probed.filter(([, { ok }]) => !ok).map(([node]) => node);
    return probed.find(([, { ok }]) => !ok)?.[1] ?? succeed(undefined);
  }

  /** The caller of `check` probes the bus only if the store answers. While one server is away, another may be deaf. */
  async function probeOthers(): Promise<void> {
    for (const [node, outcome] of await probeEach()) {
      const missed = outcome === DEAF ? (missedProbes.get(node) ?? 0) + 1 : 0;
      missedProbes.set(node, missed % MISSES_BEFORE_REDIAL);
      if (missed < MISSES_BEFORE_REDIAL) continue;
      log.warn(
        { redis: node.shown },
        'the bus delivers nothing though this server answers: its connection is replaced',
      );
      node.subscriber.reconnect();
    }
  }

  return {
    commands: topology.commands,
    subscriptions,
    shown: () =>
      topology
        .nodes()
        .map(({ shown }) => shown)
        .join(', '),
    noteWrite: (key, written) => topology.nodeOf(key).noteWrite(written),
    probe,
    reconnect: () => {
      const suspects = deaf.length > 0 ? deaf : topology.nodes();
      for (const { subscriber } of suspects) subscriber.reconnect();
    },
    check,
    ...(ackReplicas > 0 && {
      replicated: async (key: string, server: RedisServer) =>
        (await topology.nodeOf(key).acks?.wait(key, server)) ?? succeed(undefined),
    }),
    onTakeover: (listener) => {
      takeoverListeners.push(listener);
      topology.onTakeover(listener);
    },
    usable: async (withinMs) => {
      const known = await topology.known(withinMs);
      const there = topology
        .nodes()
        .flatMap(({ commands, subscriber, acks }) => [commands, subscriber, ...(acks ? [acks] : [])])
        .map((connection) => connection.usable(withinMs));
      return known && !(await Promise.all(there)).includes(false);
    },
    problem: () => {
      const away = topology.nodes().find(({ commands }) => !commands.server());
      return away && { redis: away.shown, err: away.commands.problem() };
    },
    close: async () => {
      redials.close();
      await topology.close();
    },
  };
}

function createRedials() {
  const timers = new Map<Subscriber, NodeJS.Timeout>();
  const lastAtMs = new WeakMap<Subscriber, number>();

  function redial(subscriber: Subscriber): void {
    timers.delete(subscriber);
    lastAtMs.set(subscriber, performance.now());
    subscriber.reconnect();
  }

  return {
    schedule(subscriber: Subscriber): void {
      if (timers.has(subscriber)) return;
      const sinceMs = performance.now() - (lastAtMs.get(subscriber) ?? Number.NEGATIVE_INFINITY);
      timers.set(subscriber, setTimeout(redial, Math.max(0, RECONNECT_EVERY_MS - sinceMs), subscriber));
    },
    close(): void {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
