import type { ChatMessage } from '../../protocol/rooms.ts';
import type { SaidRow } from './rows.ts';
import type { Timeline } from './timeline.ts';

/** The message that another one answers. */
export interface Quote {
  readonly seq: number;
  /** Absent while the list does not have it. */
  readonly message?: ChatMessage;
}

export function quoteOf(row: SaidRow, timeline: Timeline): Quote | undefined {
  const seq = row.message?.replyTo ?? row.draft?.replyTo;
  if (seq === undefined) return undefined;
  const message = messageOf(timeline, seq, row.message?.epoch);
  return message ? { seq, message } : { seq };
}

export function sameQuote(one: Quote | undefined, other: Quote | undefined): boolean {
  return one?.seq === other?.seq && one?.message === other?.message;
}

/** The message of this number. Without an epoch it is the newest: the store may have lost others of this number. */
export function messageOf(timeline: Timeline, seq: number, epoch?: string): ChatMessage | undefined {
  for (let i = timeline.length - 1; i >= 0; i--) {
    const entry = timeline[i];
    if (entry?.kind !== 'said' || entry.message.seq !== seq) continue;
    if (epoch === undefined || entry.message.epoch === epoch) return entry.message;
  }
  return undefined;
}
