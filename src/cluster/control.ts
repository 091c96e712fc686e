import type { NoticeKind } from './ipc.ts';

/**
 * Notices between the supervisor and its workers. They have no answers: the supervisor notices a dead or hanging worker
 * by its process, not by a missing reply.
 */
export const CONTROL: {
  /** worker → primary: it serves on its port. */
  readonly ready: NoticeKind<null>;
  /** worker → primary: it cannot serve, and why; its process ends. */
  readonly failed: NoticeKind<{ readonly message: string }>;
  /** worker → primary, about every second. */
  readonly counts: NoticeKind<WorkerCounts>;
  /** primary → worker: report not ready from now on, but go on serving; a drain follows. */
  readonly leaving: NoticeKind<null>;
  /** primary → worker: stop listening, let the clients go and exit. */
  readonly drain: NoticeKind<DrainOrder>;
  /** primary → draining worker: so many clients have connected to this host's other workers. */
  readonly arrived: NoticeKind<{ readonly count: number }>;
  /** worker → primary: so many clients came or went. Both names are prescribed from outside. */
  readonly clientConnect: NoticeKind<{ readonly count: number }>;
  readonly clientDisconnect: NoticeKind<{ readonly count: number }>;
} = {
  ready: 'worker.ready',
  failed: 'worker.failed',
  counts: 'worker.counts',
  leaving: 'worker.leaving',
  drain: 'worker.drain',
  arrived: 'worker.arrived',
  clientConnect: 'client connect',
  clientDisconnect: 'client disconnect',
};

/** The workers that take over the clients of a draining worker: on this host, on other hosts only, or none for now. */
export type Refuge = 'here' | 'elsewhere' | 'nowhere';

const STRICTNESS: Readonly<Record<Refuge, number>> = { here: 0, elsewhere: 1, nowhere: 2 };

export function isStricter(refuge: Refuge, than: Refuge): boolean {
  return STRICTNESS[refuge] > STRICTNESS[than];
}

export interface DrainOrder {
  /** The time that the drain may take, from the receipt of the order. Earlier releases know the field by this name. */
  readonly deadlineMs: number;
  /** Absent from a primary of an older release. */
  readonly refuge?: Refuge;
}

export interface WorkerCounts {
  readonly clients: number;
  readonly rooms: number;
  readonly loopDelayMs: number;
  readonly rssBytes: number;
}

/** `suspect`: it serves, but has not reported its counts for 3 s. */
export type WorkerState = 'starting' | 'ready' | 'suspect' | 'draining' | 'backoff';

/** A change of a worker process's state, for the list of recent events that an operator reads. */
export interface ProcessEvent {
  readonly slot: number;
  /** 0 if the process could not be started. */
  readonly pid: number;
  readonly state: 'starting' | 'ready' | 'suspect' | 'draining' | 'ended';
  /** The cause of its end. */
  readonly cause?: string;
  /** It ended unasked, and another one replaces it. */
  readonly replaced?: boolean;
}

/** A row of `/status` on the admin port. A slot has a second row while its old worker drains beside the new one. */
export interface WorkerStatus extends WorkerCounts {
  readonly slot: number;
  /** 0 while no process runs. */
  readonly pid: number;
  readonly port: number;
  readonly state: WorkerState;
  /** The number of workers of the slot in a row that ended before they were ready, or less than 5 s after; absent if it is 0. */
  readonly failures?: number;
  /** The cause of the last one's end. */
  readonly reason?: string;
}
