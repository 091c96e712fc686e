import { entryDigest } from '../../chat/entry-digest.ts';
import { besideText, joinedEntry } from '../../chat/joined-entry.ts';
import type { Amendment, Appended, Draft, Entry, Replaced } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import { noteErasure } from './erasures.ts';
import { expireEntries, retentionOf } from './log-meta.ts';
import type { EntryKey } from './rows.ts';
import type { TransactionContext } from './transaction-context.ts';

export interface LogAmendments {
  /** Same as `RoomLogs.replace`. */
  replace(room: Room, seq: number, members: string, notice?: Draft): Replaced | undefined;
  /** Same as `RoomLogs.amend`. */
  amend(room: Room, amendment: Amendment, notice: Draft): Outcome<Appended | undefined>;
}

/** The writes that append the notice of a change. */
export interface NoticeWrites {
  append(room: Room, draft: Draft): Outcome<Appended>;
  /** Appends without the checks of `append`. */
  store(room: Room, draft: Draft): Appended;
  /** The answer to a draft that was stored before, or that its author may not store. */
  answerWithoutStoring(room: Room, draft: Draft): Outcome<Appended> | undefined;
}

/** The members that the store put before those of the message. */
const POSITION = /^\{"seq":\d+,"epoch":"[^"]*","id":"(?:[^"\\]|\\.)*","at":[^,]+,/;

/** The part of a transaction that changes entries. */
export function createLogAmendments(
  { staged, rules, time: { now } }: TransactionContext,
  writes: NoticeWrites,
): LogAmendments {
  /** Returns an entry that the log holds, with the beginning of its JSON that no replacement changes. */
  function findEntry({ tag }: Room, seq: number): { entry: Entry; position: string } | undefined {
    const meta = staged.row('logMeta', tag);
    if (!meta) return undefined;
    const { first, top } = expireEntries(meta, retentionOf(meta, rules), now);
    const entry = seq >= first && seq <= top ? staged.entry(tag, seq) : undefined;
    const position = entry && POSITION.exec(entry.json)?.[0];
    return entry && position !== undefined ? { entry, position } : undefined;
  }

  function uncount({ tag }: Room, ...seqs: readonly number[]): void {
    for (const seq of seqs) staged.put({ table: 'uncounted', key: [tag, seq], value: true });
  }

  function putBeside({ tag }: Room, seq: number, value: string | undefined): void {
    const key: EntryKey = [tag, seq];
    if (value !== undefined) staged.put({ table: 'beside', key, value });
    else if (staged.row('beside', key) !== undefined) staged.put({ table: 'beside', key });
  }

  return {
    replace(room, seq, members, notice) {
      const found = findEntry(room, seq);
      if (!found) return undefined;
      const { entry, position } = found;
      const json = `${position}${members}}`;
      if (json === entry.json) return {};
      staged.putEntry(room.tag, { ...entry, json });
      putBeside(room, seq, undefined);
      noteErasure(staged, now);
      const outcome = notice && writes.append(room, notice);
      const appended = outcome?.ok ? outcome.value : undefined;
      uncount(room, seq);
      if (appended) uncount(room, appended.seq);
      return appended ? { notice: appended } : {};
    },
    amend(room, { seq, members, beside, was, stamp, counted, superseded }, notice) {
      const answered = writes.answerWithoutStoring(room, notice);
      if (answered) return answered;
      const found = findEntry(room, seq);
      const known = staged.row('beside', [room.tag, seq]);
      if (!found || entryDigest(joinedEntry(found.entry.json, known)) !== was) return succeed(undefined);
      const { entry, position } = found;
      const appended = writes.store(room, notice);
      if (members !== undefined) {
        const json = `${position}${members}${stampOf(appended, stamp, beside === undefined)}}`;
        staged.putEntry(room.tag, { ...entry, json });
      }
      putBeside(room, seq, beside === undefined ? undefined : besideText(beside, appended.seq));
      const emptied = superseded && findEntry(room, superseded.seq);
      if (emptied) {
        const left = `${emptied.position}${superseded.members}}`;
        staged.putEntry(room.tag, { ...emptied.entry, json: left });
      }
      // With another stamp, the entry says what it said before.
      if (counted === undefined || stamp === 'edited' || emptied) noteErasure(staged, now);
      if (counted === undefined) uncount(room, seq);
      if (counted !== 'both') uncount(room, appended.seq);
      return succeed(appended);
    },
  };
}

/** Last members of an amended entry. */
function stampOf({ at, seq }: Appended, stamp: Amendment['stamp'], withRevision: boolean): string {
  if (stamp === undefined) return '';
  const edited = stamp === 'edited' ? `,"edited":{"at":${at},"seq":${seq}}` : '';
  return withRevision ? `${edited},"revision":${seq}` : edited;
}
