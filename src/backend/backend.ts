import type { Logger } from 'pino';
import type { Namespace } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import type { IdempotencyStore } from '../chat/idempotency.ts';
import type { InboxStore, PushStore } from '../chat/inbox-store.ts';
import type { RoomBus, RoomLogs } from '../chat/log-store.ts';
import type { Moderation } from '../chat/moderation.ts';
import type { RoomSubscriptions } from '../chat/room-subscriptions.ts';
import type { ClusterOverview, Roster } from '../chat/roster.ts';
import type { IpcChannel, WorkerIpc } from '../cluster/ipc.ts';
import type { Outcome } from '../protocol/codes.ts';

/** What of the settings a backend needs. */
export interface BackendOptions {
  readonly redisUrl?: string;
  readonly keyPrefix: string;
  readonly dataDir: string;
  readonly historySize: number;
  readonly historyTtlS: number;
  /** Of inboxes and of the announcements. */
  readonly inboxSize: number;
  readonly inboxTtlS: number;
  /** Connections a room may have, 0: no limit. */
  readonly maxRoomClients: number;
  readonly dedupeTtlS: number;
}

/** One worker's side of the store and the bus. */
export interface WorkerBackend {
  readonly logs: RoomLogs;
  readonly bus: RoomBus;
  readonly roster: Roster;
  readonly inboxes: InboxStore;
  readonly pushes: PushStore;
  readonly idempotency: IdempotencyStore;
  readonly moderation: Moderation;
  readonly roomSubscriptions: RoomSubscriptions;
  /** Carries what is not in a log (presence, typing, counts) between workers: one of Socket.IO's own adapters. */
  readonly adapter: (nsp: Namespace) => Adapter;
  /** A secret shared by the whole cluster and kept by its store, made at first use. */
  secret(): Promise<Outcome<string>>;
  /** Whether the store answers now, within a second or two. */
  check(): Promise<Outcome<void>>;
  close(): Promise<void>;
}

export interface WorkerBackendDeps {
  readonly options: BackendOptions;
  /** Of this worker process, unique in the cluster and for all time. */
  readonly instanceId: string;
  readonly host: string;
  readonly primary: IpcChannel;
  /** Which part of the time since the last call the event loop was busy, 0 to 1. */
  readonly utilization: () => number;
  readonly log: Logger;
}

/** The primary's side: owns the embedded store, or checks that Redis can be used. */
export interface PrimaryBackend {
  /** To be called for every worker forked, before it sends anything. */
  serve(worker: WorkerIpc): void;
  overview(): Promise<Outcome<ClusterOverview>>;
  check(): Promise<Outcome<void>>;
  /** The cluster's key of the HTTP API: `offered`, if it has none yet. */
  agreeOnApiKey(offered: string): Promise<Outcome<string>>;
  /** Workers of an earlier run of this very host that were never taken out: they are dead. */
  readonly predecessors: readonly string[];
  /** Things an operator should know, one sentence each. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export interface PrimaryBackendDeps {
  readonly options: BackendOptions;
  readonly host: string;
  readonly log: Logger;
}

/** Why a backend cannot be opened: for the operator, with what to do. */
export class BackendError extends Error {}
