import type { Person } from '../../protocol/people.ts';
import type { ChatMessage } from '../../protocol/rooms.ts';
import { isTime } from '../language/formats.ts';
import { type Draft, draftKey } from './drafts.ts';
import type { Entry, NoticeEntry, Timeline } from './timeline.ts';

/** One line of the list as it is drawn. */
export type Row = SaidRow | DeletedRow | NoticeRow;

interface AnyRow {
  readonly key: string;
  /** The time of the row, where its day is another one than that of the row before: the date stands above the row. */
  readonly day?: number;
}

export interface SaidRow extends AnyRow {
  readonly kind: 'said';
  readonly author: Person;
  readonly text: string;
  /** Absent where the server sent no time. */
  readonly at?: number;
  readonly own: boolean;
  /** Shows name, picture and time; the lines that follow it closely do not. */
  readonly opens: boolean;
  /** The message as the room has it; absent while it is a draft. */
  readonly message?: ChatMessage;
  readonly draft?: Draft;
  /** The reader is among those whom the message mentions. */
  readonly mentioned: boolean;
}

/** The rest of a deleted message. */
export interface DeletedRow extends AnyRow {
  readonly kind: 'deleted';
  readonly seq: number;
}

export interface NoticeRow extends AnyRow {
  readonly kind: 'notice';
  readonly entry: NoticeEntry;
  readonly own: boolean;
}

/** True: both look the same. */
export function sameRow(one: Row, other: Row): boolean {
  if (one.key !== other.key || one.day !== other.day) return false;
  if (one.kind === 'said' && other.kind === 'said') {
    return (
      one.message === other.message &&
      one.draft === other.draft &&
      one.text === other.text &&
      one.at === other.at &&
      one.own === other.own &&
      one.opens === other.opens &&
      one.mentioned === other.mentioned &&
      one.author.username === other.author.username &&
      one.author.avatar === other.author.avatar
    );
  }
  if (one.kind === 'notice' && other.kind === 'notice') {
    return one.entry === other.entry && one.own === other.own;
  }
  return one.kind === other.kind;
}

/** A pause after which name and time are shown again. */
const GROUP_GAP_MS = 5 * 60_000;

export interface RowsInput {
  readonly timeline: Timeline;
  readonly drafts: readonly Draft[];
  readonly me: Person;
  /** The room has older messages, so the day of the first row need not begin there. */
  readonly more: boolean;
}

/**
 * Makes the rows of a list, one for each entry and each draft. It keeps the latest ones: a list that only grew costs as much
 * as the rows that it grew by.
 */
export function createRowMaker(): (input: RowsInput) => readonly Row[] {
  let last: RowsInput | undefined;
  let stored: Row[] = [];

  function update(input: RowsInput): void {
    const { timeline, me, more } = input;
    dropOldest(input);
    const kept = last?.me === me && last.more === more ? sharedLength(last.timeline, timeline) : 0;
    last = input;
    if (kept === timeline.length && kept === stored.length) return;
    stored = stored.slice(0, kept);
    let before = contextAfter(stored);
    for (const entry of timeline.slice(kept)) {
      const row = rowOf(entry, me, before, more);
      stored.push(row);
      before = { row, at: timeOf(row) ?? before.at };
    }
  }

  /** A list that lost its oldest entries keeps the other rows, after the first one with a time: its date may show now. */
  function dropOldest({ timeline, more }: RowsInput): void {
    const first = timeline[0];
    if (!last || !first || first === last.timeline[0]) return;
    const gone = last.timeline.indexOf(first);
    if (gone < 0) return;
    last = { ...last, more, timeline: last.timeline.slice(gone) };
    stored = stored.slice(gone);
    const { me } = last;
    let before: Context = {};
    for (const [at, entry] of last.timeline.entries()) {
      const row = rowOf(entry, me, before, more);
      stored[at] = row;
      before = { row, at: timeOf(row) };
      if (before.at !== undefined) return;
    }
  }

  return (input) => {
    update(input);
    return input.drafts.length === 0 ? stored : [...stored, ...draftRows(input, contextAfter(stored))];
  };
}

/** The place of a row: the row before it, and the latest time before it. */
interface Context {
  readonly row?: Row;
  readonly at?: number;
}

function contextAfter(rows: readonly Row[]): Context {
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i];
    const at = row && timeOf(row);
    if (at !== undefined) return { row: rows.at(-1), at };
  }
  return { row: rows.at(-1) };
}

function timeOf(row: Row): number | undefined {
  return row.kind === 'said' ? row.at : undefined;
}

function sharedLength(one: Timeline, other: Timeline): number {
  const most = Math.min(one.length, other.length);
  let length = 0;
  while (length < most && one[length] === other[length]) length += 1;
  return length;
}

function rowOf(entry: Entry, me: Person, before: Context, more: boolean): Row {
  const { key } = entry;
  if (entry.kind === 'notice') return { kind: 'notice', key, entry, own: entry.userId === me.userId };
  const { message } = entry;
  if (message.deleted) return { kind: 'deleted', key, seq: message.seq };
  const { data, at, mentions = [] } = message;
  const mentioned = mentions.includes(me.userId);
  return saidRow({ key, author: data, text: data.text, at, me, message, mentioned }, before, more);
}

function draftRows({ drafts, me }: RowsInput, before: Context): Row[] {
  const rows: Row[] = [];
  let context = before;
  for (const draft of drafts) {
    // A draft is newer than all stored messages, even if the server's clock is ahead of this device's.
    const at = Math.max(draft.writtenAt, context.at ?? 0);
    const key = draftKey(draft.clientMsgId);
    const row = saidRow(
      { key, author: me, text: draft.text, at, me, draft, mentioned: false },
      context,
      false,
    );
    rows.push(row);
    context = { row, at: row.at ?? context.at };
  }
  return rows;
}

type Said = Omit<SaidRow, 'kind' | 'own' | 'opens' | 'day' | 'at'> & {
  readonly at: number;
  readonly me: Person;
};

function saidRow({ me, at: sent, ...said }: Said, before: Context, more: boolean): SaidRow {
  const at = isTime(sent) ? sent : undefined;
  const { author } = said;
  // The room may have older messages of the same day.
  const begins = before.row === undefined && more;
  const isNewDay = at !== undefined && !begins && (before.at === undefined || !sameDay(before.at, at));
  const previous = before.row?.kind === 'said' ? before.row : undefined;
  const follows =
    previous?.author.userId === author.userId &&
    (at === undefined || previous.at === undefined || at - previous.at <= GROUP_GAP_MS);
  const own = author.userId === me.userId;
  return { kind: 'said', ...said, at, own, opens: isNewDay || !follows, day: isNewDay ? at : undefined };
}

/** Counts the messages of others after the entry with this key, or all of them if it is gone. */
export function saidSince(timeline: Timeline, key: string | undefined, ownId: string | undefined): number {
  let count = 0;
  for (let i = timeline.length - 1; i >= 0; i--) {
    const entry = timeline[i];
    if (!entry || entry.key === key) break;
    if (isFromOthers(entry, ownId)) count += 1;
  }
  return count;
}

/** The key of the first message of others after the entry with this key; undefined also if that entry is gone. */
export function firstUnseen(timeline: Timeline, seen: string, ownId: string | undefined): string | undefined {
  const at = timeline.findLastIndex(({ key }) => key === seen);
  if (at < 0) return undefined;
  return timeline.find((entry, index) => index > at && isFromOthers(entry, ownId))?.key;
}

function isFromOthers(entry: Entry, ownId: string | undefined): boolean {
  return entry.kind === 'said' && !entry.message.deleted && entry.message.data.userId !== ownId;
}

const TWO_DAYS_MS = 2 * 86_400_000;

/** Days of the same number are four weeks apart. */
function sameDay(one: number, other: number): boolean {
  return Math.abs(other - one) < TWO_DAYS_MS && new Date(one).getDate() === new Date(other).getDate();
}
