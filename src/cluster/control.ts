/**
 * What the supervisor and its workers say to each other. All are notices: nobody waits for them, and a worker's
 * death or silence is seen by its process, not by a missing answer.
 */
export const CONTROL = {
  /** worker → primary: serves on its port. */
  ready: 'worker.ready',
  /** worker → primary `{message}`: cannot serve and says why; its process ends. */
  failed: 'worker.failed',
  /** worker → primary: `WorkerCounts`, every second or so. */
  counts: 'worker.counts',
  /** primary → worker `{deadlineMs}`: let the clients go and exit. */
  drain: 'worker.drain',
  /** worker → primary `{count}`: so many clients came or went. In the spelling of S3. */
  clientConnect: 'client connect',
  clientDisconnect: 'client disconnect',
} as const;

export interface WorkerCounts {
  readonly clients: number;
  readonly rooms: number;
  readonly loopDelayMs: number;
  readonly rssBytes: number;
}

export type WorkerState = 'starting' | 'ready' | 'draining' | 'backoff';

/** A row of `/status` (PROTOCOL §6). A slot has a second row while its old worker drains beside the new one. */
export interface WorkerStatus extends WorkerCounts {
  readonly slot: number;
  /** 0 while no process runs. */
  readonly pid: number;
  readonly port: number;
  readonly state: WorkerState;
}
