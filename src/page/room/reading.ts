import type { ChatState } from './chat-state.ts';
import { firstUnseen } from './rows.ts';
import { newestSaid, type Timeline } from './timeline.ts';

/*
 * The line "new since you left". While the reader watches the end of the list, everything is seen. When they look away
 * (another room, another tab, or older messages), `seen` keeps the place; the line stands before the first message of others
 * after it, and stays until they look away again or write something.
 */

export function isWatching({ attended, following }: Pick<ChatState, 'attended' | 'following'>): boolean {
  return attended && following;
}

/** `before`: the state that the event changed. */
export function withAttention(before: ChatState, state: ChatState): ChatState {
  const [was, is] = [isWatching(before), isWatching(state)];
  if (was === is) return state;
  if (!is) return { ...state, seen: state.timeline.at(-1)?.key };
  return unseenLine(state) === undefined ? { ...state, seen: undefined } : state;
}

/** The key of the entry that the line stands before. */
export function unseenLine({
  timeline,
  seen,
  me,
}: Pick<ChatState, 'timeline' | 'seen' | 'me'>): string | undefined {
  return seen === undefined ? undefined : firstUnseen(timeline, seen, me?.id);
}

/** The reader has read up to `seq` before, perhaps on another device. */
export function withReadMark(state: ChatState, seq: number): ChatState {
  const newest = newestSaid(state.timeline);
  if (!newest || newest.seq <= seq) return state;
  const seen = lastUpTo(state.timeline, seq, newest.epoch);
  return seen === undefined ? state : { ...state, seen };
}

function lastUpTo(timeline: Timeline, seq: number, epoch: string): string | undefined {
  return timeline.findLast(
    (entry) => entry.kind === 'said' && entry.message.epoch === epoch && entry.message.seq <= seq,
  )?.key;
}
