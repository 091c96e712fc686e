import type { Outcome } from '../protocol/codes.ts';

/** A message that is about to be stored and to put items into inboxes. */
export interface MentionNote {
  readonly nsp: string;
  readonly roomid: string;
  /** The id of the message. */
  readonly id: string;
  /** The instance id of the worker that stores it. */
  readonly by: string;
  /** The time of the note, ms by the store's clock. */
  readonly at: number;
}

/** Messages whose mentions may be missing in inboxes, see inbox/mentions.ts. The store MUST keep them like messages. */
export interface MentionNotes {
  add(note: Omit<MentionNote, 'at'>): Promise<Outcome<void>>;
  remove(note: Omit<MentionNote, 'at'>): Promise<Outcome<void>>;
  /** Returns up to `limit` of the notes that are at least so old. */
  due(ageMs: number, limit: number): Promise<Outcome<readonly MentionNote[]>>;
}
