import type { Outcome } from '../protocol/codes.ts';

/** Something whose events a webhook gets in their order, and how far they were sent. Both are text of the caller's. */
export interface HookSource {
  readonly subject: string;
  readonly state: string;
}

export interface ListedHookSource extends HookSource {
  /** Time since the subject was listed last. */
  readonly idleMs: number;
}

/**
 * The positions up to which webhooks were sent. It stores no event: a room's log has them, and its subject's state is a position in it.
 *
 * A worker lists a subject before it stores anything that may be sent, so that no crash can hide it. One process at a time
 * holds the lease and sends. Only the holder MUST be able to change a state, so that a sender that hung cannot undo what its
 * successor did.
 */
export interface HookQueue {
  /** Lists a subject; MUST be stored when it answers. A subject that is listed keeps its state. Returns the state it has. */
  list(subject: string, state: string): Promise<Outcome<string>>;
  /** Notes that the subjects have something to send. A note may be lost with the process that gave or took it. */
  note(subjects: readonly string[]): Promise<Outcome<void>>;
  /** Takes or extends the lease; false if another process holds it. 0 ms gives it back. */
  lease(holder: string, ttlMs: number): Promise<Outcome<boolean>>;
  /** Takes noted subjects that are listed, those noted first; none if the lease is another's. */
  take(holder: string, limit: number): Promise<Outcome<readonly HookSource[]>>;
  /** Returns the listed subjects behind `after`, in a fixed order. */
  listed(after: string | undefined, limit: number): Promise<Outcome<readonly ListedHookSource[]>>;
  /** Stores new states; false, and nothing is stored, if the lease is another's. */
  advance(holder: string, moves: readonly HookSource[]): Promise<Outcome<boolean>>;
  /** Names the time in which the queue has lost nothing: MUST be another name once it may have lost what it answered for. */
  term(): Promise<Outcome<string>>;
  /** Removes a subject that is still in this state and was not listed again for so long. */
  unlist(holder: string, source: HookSource, idleMs: number): Promise<Outcome<void>>;
}
