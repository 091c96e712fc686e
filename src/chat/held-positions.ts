import type { LogPage } from './log-store.ts';

/** A store keeps the newest previous epochs of a log, and forgets earlier ones. */
export const PREVIOUS_EPOCHS_KEPT = 8;

/** A place in a log that somebody noted, such as that of a push. Earlier releases noted no epoch. */
export interface NotedPosition {
  readonly seq: number;
  readonly epoch?: string | undefined;
}

/**
 * Returns whether the log still gives that number to the entry for which it was noted.
 *
 * Example: a push has seq 3 of Ann's inbox, which is erased. The next inbox begins another epoch with seq 1, and what Ann reads
 * there says nothing of the push: its epoch is none of the inbox's. An epoch that is older than all that the store keeps is
 * taken for one that it has forgotten, as far as the oldest of these reaches.
 */
export function isHeld(
  { epoch, previousEpochs }: Pick<LogPage, 'epoch' | 'previousEpochs'>,
  noted: NotedPosition,
): boolean {
  if (noted.epoch === undefined || noted.epoch === epoch) return true;
  const forgotten = previousEpochs.length < PREVIOUS_EPOCHS_KEPT ? undefined : previousEpochs[0];
  const { upTo = 0 } = previousEpochs.find((one) => one.epoch === noted.epoch) ?? forgotten ?? {};
  return noted.seq <= upTo;
}
