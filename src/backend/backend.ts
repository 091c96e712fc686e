import type { Logger } from 'pino';
import type { Namespace } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import type { Blocks } from '../chat/blocks.ts';
import type { ConnectQueue } from '../chat/connect-queue.ts';
import type { HookQueue } from '../chat/hook-queue.ts';
import type { IdempotencyStore } from '../chat/idempotency.ts';
import type { InboxStore, PushStore } from '../chat/inbox-store.ts';
import type { RoomBus, RoomLogs } from '../chat/log-store.ts';
import type { LoggedRooms } from '../chat/logged-rooms.ts';
import type { MentionNotes } from '../chat/mention-notes.ts';
import type { Moderation } from '../chat/moderation.ts';
import type { RoomReaders } from '../chat/room-readers.ts';
import type { RoomSubscriptions } from '../chat/room-subscriptions.ts';
import type { ClusterOverview, HostOverview, Roster } from '../chat/roster.ts';
import type { IpcChannel, WorkerIpc } from '../cluster/ipc.ts';
import type { Saturation } from '../cluster/saturation.ts';
import type { Outcome } from '../protocol/codes.ts';
import type { OnFrameDropped } from './dropped-frames.ts';
import type { OnRedisReply } from './redis-calls.ts';

/** The settings that a backend needs. */
export interface BackendOptions {
  readonly redisUrl?: string;
  /** Several plain servers that share the rooms. */
  readonly redisUrls?: readonly string[];
  /** Some nodes of a Redis Cluster. */
  readonly redisClusterNodes?: readonly string[];
  /** The Sentinels that know which server is the master of `redisSentinelName`. */
  readonly redisSentinels?: readonly string[];
  readonly redisSentinelName?: string;
  /** Replicas that must have a message before it is acknowledged. */
  readonly ackReplicas?: number;
  /** They sign what is published over Redis: the first one signs, and all are good. */
  readonly busSecrets?: readonly string[];
  /** Decides about a frame without a signature if there are secrets; `refuse` if absent. */
  readonly busUnsigned?: 'refuse' | 'accept';
  readonly redisCaFile?: string;
  readonly redisCertFile?: string;
  readonly redisKeyFile?: string;
  readonly keyPrefix: string;
  readonly dataDir: string;
  readonly historySize: number;
  readonly historyTtlS: number;
  /** The retention of inboxes and of the announcements. */
  readonly inboxSize: number;
  readonly inboxTtlS: number;
  /** Connections a room may have, 0: no limit. */
  readonly maxRoomClients: number;
  readonly dedupeTtlS: number;
  /** Recorded by the embedded store, which does not name them elsewhere. */
  readonly namespaces?: readonly string[];
  /** Connects per second that the cluster lets in, 0: no limit. */
  readonly rateAdmit: number;
}

export type RedisChoice = Pick<
  BackendOptions,
  'redisUrl' | 'redisUrls' | 'redisClusterNodes' | 'redisSentinels'
>;

/** Without Redis, the embedded store is used. */
export function usesRedis(options: RedisChoice): boolean {
  const { redisUrl, redisUrls, redisClusterNodes, redisSentinels } = options;
  return [redisUrl, redisUrls, redisClusterNodes, redisSentinels].some((given) => given !== undefined);
}

/** The stores with the same interface in every process that has them. */
export interface Stores {
  readonly logs: RoomLogs;
  readonly loggedRooms: LoggedRooms;
  readonly roomReaders: RoomReaders;
  readonly inboxes: InboxStore;
  readonly pushes: PushStore;
  readonly idempotency: IdempotencyStore;
  readonly moderation: Moderation;
  readonly blocks: Blocks;
  readonly mentionNotes: MentionNotes;
  readonly connects: ConnectQueue;
  readonly roomSubscriptions: RoomSubscriptions;
  readonly hooks: HookQueue;
}

/** One worker's side of the store and the bus. */
export interface WorkerBackend extends Stores {
  readonly bus: RoomBus;
  readonly roster: Roster;
  /** One of Socket.IO's own adapters: carries what is in no log (typing, moderation, counts) between workers. */
  readonly adapter: (nsp: Namespace) => Adapter;
  /** Returns the cluster's shared secret, which the store creates at first use. */
  secret(): Promise<Outcome<string>>;
  /**
   * Succeeds if the store answers and takes writes now; otherwise says why not. It succeeds also while one of several servers
   * is away and the others can serve. MUST itself answer within two seconds.
   */
  check(): Promise<Outcome<void>>;
  /** The servers that the last successful check found away: what they store is refused as `unavailable`. */
  awayServers(): readonly string[];
  /** The store takes no new logs of people, see chat/nearly-full.ts. */
  isNearlyFull(): boolean;
  close(): Promise<void>;
}

export interface WorkerBackendDeps {
  readonly options: BackendOptions;
  /** Names this worker process; unique in the cluster and never used again. */
  readonly instanceId: string;
  readonly host: string;
  readonly primary: IpcChannel;
  /** Says how much of their longest time calls may be gathered, and is told what that saves. */
  readonly saturation: Saturation;
  readonly onRedisReply?: OnRedisReply;
  readonly onFrameDropped?: OnFrameDropped;
  readonly log: Logger;
}

/** The primary's side: owns the embedded store, or checks that Redis can be used. */
export interface PrimaryBackend {
  /** Serves a forked worker. The caller MUST call it before the worker sends anything. */
  serve(worker: WorkerIpc): void;
  overview(): Promise<Outcome<ClusterOverview>>;
  /** The same, some seconds old: it costs the store no more however many hosts ask for it, and how often. */
  recentOverview(): Promise<Outcome<ClusterOverview>>;
  /**
   * Extends the lease of a worker of this host that hangs: its users are not gone, since the caller replaces it soon. It MUST
   * NOT bring back an instance that was fenced or reaped.
   */
  vouchFor(instanceId: string): Promise<Outcome<void>>;
  /** Returns the hosts with living workers, by name. */
  hosts(): Promise<Outcome<readonly HostOverview[]>>;
  /** Succeeds if the store answers, also while one of several servers is away. */
  check(): Promise<Outcome<void>>;
  /** The servers that are away or, at the last check, took no writes, while others serve. */
  awayServers(): readonly string[];
  /** Returns the cluster's key of the HTTP API, which becomes `offered` if there is none yet. */
  agreeOnApiKey(offered: string): Promise<Outcome<string>>;
  /** Instances that an earlier run of this host left behind. They are dead. */
  readonly predecessors: readonly string[];
  /** Facts that an operator should know, one sentence each. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export interface PrimaryBackendDeps {
  readonly options: BackendOptions;
  readonly host: string;
  readonly log: Logger;
}

/** The backend cannot be opened. The message tells the operator why and what to do. */
export class BackendError extends Error {}
