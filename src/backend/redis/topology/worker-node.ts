import type { Logger } from 'pino';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { BackendOptions } from '../../backend.ts';
import type { OnRedisReply } from '../../redis-calls.ts';
import { type FrameSigner, signedCommands } from '../bus/frame-signer.ts';
import { FRAME_LIFE_MS, type VerifyFrame } from '../bus/frame-verifier.ts';
import { type BusProbe, createBusProbe } from '../bus/probe.ts';
import { openSubscriber, type Subscriber } from '../bus/subscriber.ts';
import type { CallPacing } from '../connection/call-pacing.ts';
import { replyIn } from '../connection/failures.ts';
import { createPacedRedial } from '../connection/paced-redial.ts';
import { openRedisConnection } from '../connection/redis-connection.ts';
import { openReplicaAcks, type ReplicaAcks } from '../connection/replica-acks.ts';
import { createRightsCheck } from '../connection/rights-check.ts';
import { createServerClock } from '../connection/server-clock.ts';
import type { RedisTarget } from '../connection/target.ts';
import type { RedisKeys } from '../keys.ts';
import type { Script } from '../scripts.ts';
import type { TagOfServer, TopologyNode } from './topology.ts';

export interface WorkerNodeDeps {
  readonly target: RedisTarget;
  readonly options: BackendOptions;
  readonly keys: RedisKeys;
  readonly scripts: readonly Script[];
  readonly pacing: CallPacing;
  readonly onReply?: OnRedisReply | undefined;
  readonly instanceId: string;
  readonly tagOfServer: TagOfServer;
  readonly signer: FrameSigner;
  readonly verify: VerifyFrame;
  /** The server's clock was set: for a moment, frames that others signed seem to be of another time. */
  readonly onClockSet: () => void;
  readonly log: Logger;
}

/** A worker's connections to one server. */
export interface WorkerNode extends TopologyNode {
  readonly shown: string;
  readonly subscriber: Subscriber;
  /** The time of the server, undefined before it is known. */
  readonly clockMs: () => number | undefined;
  readonly bus: BusProbe;
  /** The key of the mark of its data, undefined if it has no keys. */
  readonly markKey: () => string | undefined;
  readonly acks: ReplicaAcks | undefined;
  readonly checkRights: () => Promise<Outcome<void>>;
  readonly checkAcks: () => Promise<Outcome<void>>;
  readonly noteWrite: (written: Outcome<unknown>) => void;
}

export function openWorkerNode(deps: WorkerNodeDeps): WorkerNode {
  const { target, options, keys, scripts, pacing, instanceId, tagOfServer, signer, verify, log } = deps;
  const { ackReplicas = 0 } = options;
  const now = () => performance.now();
  const clock = createServerClock({ now, stepMs: FRAME_LIFE_MS / 2, onStep: deps.onClockSet });
  const commands = openRedisConnection({ target, scripts, log, pacing, clock, onReply: deps.onReply });
  const subscriber = openSubscriber({ target, verify, log });
  const channel = () => {
    const tag = tagOfServer();
    return tag === undefined ? undefined : keys.probe(instanceId, tag);
  };
  const bus = createBusProbe({
    redis: signedCommands(commands, signer),
    subscriptions: subscriber.subscriptions,
    channel,
  });
  const acks =
    ackReplicas > 0
      ? openReplicaAcks({ target, replicas: ackReplicas, tagOfServer, keyOf: keys.acked, now, log })
      : undefined;
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
    return acks.check(server);
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
    clockMs: clock.nowMs,
    bus,
    markKey() {
      const tag = tagOfServer();
      return tag === undefined ? undefined : keys.dataMark(tag);
    },
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
