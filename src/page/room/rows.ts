import type { Person } from '../../protocol/people.ts';
import type { ChatMessage } from '../../protocol/rooms.ts';
import { isTime } from '../language/formats.ts';
import { type Draft, draftKey } from './drafts.ts';
import type { NoticeEntry, Timeline } from './timeline.ts';

/** One line of the list as it is drawn. */
export type Row =
  | { readonly kind: 'day'; readonly key: string; readonly at: number }
  | { readonly kind: 'notice'; readonly key: string; readonly entry: NoticeEntry; readonly own: boolean }
  | SaidRow;

export interface SaidRow {
  readonly kind: 'said';
  readonly key: string;
  readonly author: Person;
  readonly text: string;
  /** Absent where the server sent no time. */
  readonly at?: number;
  readonly own: boolean;
  /** Shows name, picture and time; the lines that follow it closely do not. */
  readonly opens: boolean;
  readonly draft?: Draft;
  /** The reactions. */
  readonly note?: string;
  readonly edited: boolean;
}

/** True: both look the same. */
export function sameRow(one: SaidRow, other: SaidRow): boolean {
  return (
    one.text === other.text &&
    one.at === other.at &&
    one.own === other.own &&
    one.opens === other.opens &&
    one.draft === other.draft &&
    one.note === other.note &&
    one.edited === other.edited &&
    one.author.username === other.author.username &&
    one.author.avatar === other.author.avatar
  );
}

/** A pause after which name and time are shown again. */
const GROUP_GAP_MS = 5 * 60_000;

export function rowsOf(timeline: Timeline, drafts: readonly Draft[], me: Person): readonly Row[] {
  const rows: Row[] = [];
  let lastAt: number | undefined;

  function say(
    key: string,
    author: Person,
    text: string,
    sent: number,
    { draft, note, edited = false }: Partial<Pick<SaidRow, 'draft' | 'note' | 'edited'>> = {},
  ): void {
    const at = isTime(sent) ? sent : undefined;
    if (at !== undefined && (lastAt === undefined || !sameDay(lastAt, at)))
      rows.push({ kind: 'day', key: `day:${key}`, at });
    const previous = rows.at(-1);
    const opens =
      previous?.kind !== 'said' ||
      previous.author.userId !== author.userId ||
      (at !== undefined && previous.at !== undefined && at - previous.at > GROUP_GAP_MS);
    const own = author.userId === me.userId;
    rows.push({ kind: 'said', key, author, text, at, own, opens, draft, note, edited });
    lastAt = at ?? lastAt;
  }

  for (const entry of timeline) {
    if (entry.kind === 'said' && entry.message.deleted) {
      const { key } = entry;
      rows.push({ kind: 'notice', key, entry: { kind: 'notice', key, notice: 'removed' }, own: false });
    } else if (entry.kind === 'said') {
      const { data, at } = entry.message;
      say(entry.key, data, data.text, at, {
        note: noteOf(entry.message),
        edited: entry.message.edited !== undefined,
      });
    } else rows.push({ kind: 'notice', key: entry.key, entry, own: entry.userId === me.userId });
  }
  // A draft is newer than all stored messages, even if the server's clock is ahead of this device's.
  for (const draft of drafts) {
    say(draftKey(draft.clientMsgId), me, draft.text, Math.max(draft.writtenAt, lastAt ?? 0), { draft });
  }
  return rows;
}

function noteOf({ reactions = [] }: ChatMessage): string | undefined {
  const parts = reactions.map(({ reaction, count }) => `${reaction} ${count}`);
  return parts.length === 0 ? undefined : parts.join(' · ');
}

/** Counts the messages of others after the entry with this key, or all of them if it is gone. */
export function saidSince(timeline: Timeline, key: string | undefined, ownId: string | undefined): number {
  let count = 0;
  for (let i = timeline.length - 1; i >= 0; i--) {
    const entry = timeline[i];
    if (!entry || entry.key === key) break;
    if (entry.kind !== 'said' || entry.message.deleted) continue;
    if (entry.message.data.userId !== ownId) count += 1;
  }
  return count;
}

function sameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}
