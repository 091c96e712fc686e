import type { Logger } from 'pino';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { Sized } from '../../../sizes.ts';
import type { BackendOptions } from '../../backend.ts';
import type { OnFrameDropped } from '../../dropped-frames.ts';
import type { OnRedisReply } from '../../redis-calls.ts';
import { createFrameSigner, type FrameSigner, signedCommands } from '../bus/frame-signer.ts';
import { createFrameVerifier } from '../bus/frame-verifier.ts';
import { createRoutedSubscriptions } from '../bus/routed-subscriptions.ts';
import type { Subscriber } from '../bus/subscriber.ts';
import type { Subscriptions } from '../bus/subscriptions.ts';
import type { CallPacing } from '../connection/call-pacing.ts';
import type { RedisCommands, RedisServer } from '../connection/commands.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { RedisTarget } from '../connection/target.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Script } from '../scripts.ts';
import { createBusChecks } from './bus-checks.ts';
import { createDataMarks, type DataMarks } from './data-marks.ts';
import { openTopology } from './open-topology.ts';
import type { RedisTopology, TagOfServer } from './topology.ts';
import { openWorkerNode, type WorkerNode } from './worker-node.ts';

/** A worker's connections to all servers. */
export interface WorkerServers {
  readonly commands: RedisCommands;
  /** The connection to each server now. */
  readonly each: () => readonly RedisConnection[];
  readonly subscriptions: Subscriptions;
  /** Signs what scripts publish; `commands` signs by itself. */
  readonly signer: FrameSigner;
  readonly separate: RedisTopology<WorkerNode>['separate'];
  readonly separateOf: RedisTopology<WorkerNode>['separateOf'];
  /** Their names in logs and errors. */
  shown(): string;
  /** Tells how a heartbeat went. A server that names a cause each time is dialled again: a proxy may lead elsewhere. */
  noteHeartbeat(sent: Outcome<unknown>): void;
  /** Tests the subscriber of each server that is not away: what is published there must come back. */
  probe(): Promise<Outcome<void>>;
  /** Does the same while a server is away that no worker can be without, and `probe` is not called: another one may be deaf. */
  probeOthers(): Promise<void>;
  /** Replaces the subscribers that the last probe found deaf, or all if it found none. */
  reconnect(): void;
  /** Succeeds if a server takes writes and allows what this worker does. */
  check(): Promise<Outcome<void>>;
  /** The servers that failed the last check, while others passed it. */
  away(): readonly string[];
  /** Returns whether the key's server is one of these. */
  isAway(key: string): boolean;
  /** Succeeds once enough replicas have what the key's server answered before; absent if none need to. */
  readonly replicated?: (key: string, server: RedisServer) => Promise<Outcome<void>>;
  /** They show whether a server lost its data. */
  readonly dataMarks: DataMarks;
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
  readonly onReply?: OnRedisReply | undefined;
  readonly onFrameDropped: OnFrameDropped;
  readonly log: Logger;
}

/** A migration moves slot after slot. A subscriber is replaced once for all that went in this time. */
const RECONNECT_EVERY_MS = 2_000;
/** Every worker has read a clock that was set by then: each reads it every second. */
const CLOCK_READ_BY_ALL_MS = 3_000;

export function openWorkerServers(deps: WorkerServersDeps): WorkerServers & Sized {
  const { options, log } = deps;
  const { ackReplicas = 0, busSecrets = [], busUnsigned } = options;
  const resyncListeners: (() => void)[] = [];
  const takeoverListeners: (() => void)[] = [];

  const clockMs = (channel: string) => topology.nodeOf(channel).clockMs();
  const signer = createFrameSigner({ secrets: busSecrets, clockMs });
  const verifier = createFrameVerifier({
    secrets: busSecrets,
    acceptsUnsigned: busUnsigned === 'accept',
    clockMs,
    onDropped: deps.onFrameDropped,
  });
  const clockSet = createLater(CLOCK_READ_BY_ALL_MS, resync);

  function openNode(target: RedisTarget, tagOfServer: TagOfServer): WorkerNode {
    const node = openWorkerNode({
      ...deps,
      target,
      tagOfServer,
      signer,
      verify: verifier.verify,
      onClockSet: clockSet.schedule,
    });
    node.subscriber.subscriptions.onResync(resync);
    return node;
  }

  function resync(): void {
    for (const listener of resyncListeners) listener();
  }

  const topology: RedisTopology<WorkerNode> = openTopology({ options, openNode, log });
  const busChecks = createBusChecks({
    nodes: topology.nodes,
    onLoss: resync,
    onRestart: () => {
      for (const listener of takeoverListeners) listener();
    },
    log,
  });
  const dataMarks = createDataMarks(topology.nodes);
  const redials = createRedials();
  let away: ReadonlySet<WorkerNode> = new Set();

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
    const nodes = topology.nodes();
    const marking = dataMarks.check();
    const checked = await Promise.all(nodes.map((node, index) => checkOne(node, writeAt(marking, index))));
    const failed = nodes.filter((_, index) => !checked[index]?.ok);
    const [first] = checked;
    const none = failed.length === nodes.length;
    away = new Set(none ? [] : failed);
    return none && first ? first : succeed(undefined);
  }

  async function writeAt(marking: ReturnType<DataMarks['check']>, index: number): Promise<Outcome<void>> {
    return (await marking)[index] ?? succeed(undefined);
  }

  async function checkOne(node: WorkerNode, writing: Promise<Outcome<void>>): Promise<Outcome<void>> {
    const { commands, checkRights, checkAcks } = node;
    const checks = await allValues([commands.verify(), checkRights(), checkAcks(), writing]);
    // The heartbeats show it of the server that has them.
    if (node !== topology.nodeOf(deps.keys.instances)) node.noteWrite(await writing);
    return checks.ok ? succeed(undefined) : checks;
  }

  return {
    sizes: () => ({
      bus: verifier.sizes(),
      ...Object.fromEntries(
        topology
          .nodes()
          .map(({ subscriber, bus }, server) => [
            `server${server}`,
            { subscriptions: subscriber.subscriptions.sizes(), probe: bus.sizes() },
          ]),
      ),
    }),
    commands: signedCommands(topology.commands, signer),
    signer,
    each: () => topology.nodes().map(({ commands }) => commands),
    subscriptions,
    separate: topology.separate,
    separateOf: topology.separateOf,
    shown: () =>
      topology
        .nodes()
        .map(({ shown }) => shown)
        .join(', '),
    noteHeartbeat: (sent) => topology.nodeOf(deps.keys.instances).noteWrite(sent),
    probe: () => busChecks.probe((node) => !away.has(node)),
    probeOthers: async () => {
      if (topology.nodes().length > 1) await busChecks.probeOthers();
    },
    reconnect: busChecks.reconnect,
    check,
    dataMarks,
    away: () => Array.from(away, ({ shown }) => shown),
    isAway: (key) => away.has(topology.nodeOf(key)),
    ...(ackReplicas > 0 && {
      replicated: async (key: string, server: RedisServer) =>
        (await topology.nodeOf(key).acks?.wait(server)) ?? succeed(undefined),
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
      clockSet.close();
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

/** Calls `run` once for all that was scheduled in that time before. */
function createLater(waitMs: number, run: () => void) {
  let timer: NodeJS.Timeout | undefined;
  return {
    schedule(): void {
      clearTimeout(timer);
      timer = setTimeout(run, waitMs);
    },
    close: () => clearTimeout(timer),
  };
}
