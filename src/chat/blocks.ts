import { type Outcome, type Refusal, refuse } from '../protocol/codes.ts';
import { MAX_BLOCKS } from '../protocol/limits.ts';
import type { Room } from './room.ts';

/**
 * The users whom each user has blocked, by the inbox of the one who blocks. The store MUST check them itself, in the same step
 * as it appends: an append to an inbox whose `Draft.author` is blocked there is `forbidden`.
 */
export interface Blocks {
  /**
   * Blocks the user, or lifts that. Repeating it changes nothing. Beyond `MAX_BLOCKS` it is `limit`, approximately where several
   * calls of one user meet. `keptS`: the store may forget it after that time; otherwise it holds until it is lifted.
   */
  set(inbox: Room, userId: string, on: boolean, keptS?: number): Promise<Outcome<void>>;
  /** Returns the blocked users, at most about `MAX_BLOCKS`, in the order of their ids. */
  list(inbox: Room): Promise<Outcome<readonly string[]>>;
  /** Returns for each of the inboxes, in the order asked, whether its user has blocked that user. */
  areBlocking(inboxes: readonly Room[], userId: string): Promise<Outcome<readonly boolean[]>>;
}

/** The same for every kind of item, so that it tells no more than that the item is refused. */
export function refuseBlocked(): Refusal {
  return refuse('forbidden', 'to: this user does not take it');
}

/** The refusal of a message that mentions users who have blocked its author. */
export function refuseBlockedMentions(userIds: readonly string[]): Refusal {
  return refuse('forbidden', `mentions: not taken by ${userIds.join(', ')}`);
}

export function refuseMoreBlocks(): Refusal {
  return refuse('limit', `userId: at most ${MAX_BLOCKS} users can be blocked`);
}
