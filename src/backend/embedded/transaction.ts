import { randomBytes } from 'node:crypto';
import type { Appended, Draft, Entry, Replaced } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import { refuseOtherContent } from '../other-content.ts';
import { dedupeKeys, dedupePeriods } from './dedupe-keys.ts';
import {
  beginLog,
  continueLog,
  expireEntries,
  isIdle,
  type LogMeta,
  type RetentionSettings,
  retentionOf,
  takeNextSeq,
  trimEntries,
} from './log-meta.ts';
import { refusalFor, restrictionKey } from './restrictions.ts';
import type { DedupeKey, DedupeRecord, ErasedRange, Keys, Rows, RowWrite, Write } from './rows.ts';
import type { Tables } from './tables.ts';
import { hasSubscription, ownMessageKey, ownMessageKeys } from './unread.ts';

export interface StoreRules extends RetentionSettings {
  readonly dedupeTtlS: number;
  /** This start of the primary. */
  readonly run: string;
}

/** Removing a whole log of 100,000 in one commit would hold up every room. */
const MAX_REMOVED_PER_ROOM = 1_000;

/** What the store put before a message's members. */
const PLACE = /^\{"seq":\d+,"epoch":"[^"]*","id":"(?:[^"\\]|\\.)*","at":[^,]+,/;

/**
 * What one commit will change. Numbers are given out here, from what is on disk and while no other commit is in
 * flight: a commit that fails leaves nothing in memory that has to be taken back.
 */
export interface Transaction extends TransactionTime {
  /** As the changes planned so far leave it. */
  row<T extends keyof Rows>(table: T, key: Keys[T]): Rows[T] | undefined;
  put(write: RowWrite): void;
  append(room: Room, draft: Draft): Outcome<Appended>;
  /** As `RoomLogs.replace`. */
  replace(room: Room, seq: number, members: string, notice?: Draft): Replaced | undefined;
  /** Gives the log an epoch of this run; begins that of a room, but of nothing else. */
  ensureEpoch(room: Room): void;
  /** Hides what is too old and removes what is hidden; forgets a room nothing was ever said in. */
  expire(tag: string): void;
  /** Forgets which rooms the user of that inbox goes to, and what was read there. */
  removeRoomSubscriptions(tag: string): void;
  /** Forgets the log and all that is kept beside it. What is not removed at once is hidden. */
  erase(tag: string): void;
  /** Removes more of an erased log. */
  removeErased(tag: string): void;
  /** Of what no change of the same commit looks at. */
  write(write: Exclude<Write, RowWrite>): void;
  /** To be published after the commit, in this order. */
  readonly published: readonly { readonly tag: string; readonly entry: Entry }[];
  finish(): readonly Write[];
}

/** By the wall clock, and by the one that what is remembered for a while goes by. */
export interface TransactionTime {
  readonly now: number;
  readonly steadyMs: number;
}

export function createTransaction(
  tables: Tables,
  rules: StoreRules,
  { now, steadyMs }: TransactionTime,
): Transaction {
  const rows = new Map<string, RowWrite>();
  const writes: Write[] = [];
  const published: { tag: string; entry: Entry }[] = [];
  /** Entries written by this commit. */
  const entries = new Map<string, Entry>();

  function row<T extends keyof Rows>(table: T, key: Keys[T]): Rows[T] | undefined {
    const planned = rows.get(`${table} ${key}`);
    return planned ? (planned.value as Rows[T] | undefined) : tables.row(table, key);
  }

  function put(write: RowWrite): void {
    rows.set(`${write.table} ${write.key}`, write);
  }

  const current = (head: LogMeta) => continueLog(head, rules.run, makeEpoch);

  function known(keys: readonly DedupeKey[]): DedupeRecord | undefined {
    for (const key of keys) {
      const answer = row('answers', key);
      if (answer) return answer;
    }
    return undefined;
  }

  function putEntry(tag: string, entry: Entry): void {
    entries.set(`${tag} ${entry.seq}`, entry);
    writes.push({ table: 'entries', key: [tag, entry.seq], value: entry });
  }

  function putSaid(inbox: string, roomid: string, seq: number): void {
    const key = ownMessageKey(inbox, roomid);
    // By whoever was deleted since joining, or has joined a thousand rooms since.
    if (row('said', key) === undefined && !hasSubscription(row('visits', inbox), key)) {
      writes.push({ table: 'dues', key: [now + rules.inboxTtlS * 1_000, 'said', key], value: true });
    }
    put({ table: 'said', key, value: seq });
  }

  function entryAt(tag: string, seq: number): Entry | undefined {
    const planned = entries.get(`${tag} ${seq}`);
    if (planned) return planned;
    const [found] = tables.readSnapshot((snapshot) => [...snapshot.entries(tag, seq, seq)]);
    return found?.seq === seq ? found : undefined;
  }

  function finishErased(tag: string, { from, to }: ErasedRange): void {
    const own = row('heads', tag)?.top ?? 0;
    const first = Math.max(from, own + 1);
    // The newest go first: the next log takes over numbers from the other end.
    const rest = Math.max(first, to - MAX_REMOVED_PER_ROOM + 1);
    for (let seq = rest; seq <= to; seq += 1) writes.push({ table: 'entries', key: [tag, seq] });
    put({ table: 'erased', key: tag, ...(rest > first ? { value: { from, to: rest - 1 } } : {}) });
  }

  function finishLog(tag: string, head: LogMeta): void {
    const trimmed = trimEntries(head, retentionOf(head, rules));
    const floor = Math.min(trimmed.first, trimmed.floor + MAX_REMOVED_PER_ROOM);
    for (let seq = trimmed.floor; seq < floor; seq += 1) writes.push({ table: 'entries', key: [tag, seq] });
    if (floor > trimmed.floor) forgetUncounted(tag, trimmed.floor, floor - 1);
    put({ table: 'heads', key: tag, value: { ...trimmed, floor } });
  }

  /** With their entries, or the log. */
  function forgetUncounted(tag: string, from: number, to: number): void {
    for (const seq of tables.uncountedOf(tag, from, to)) put({ table: 'uncounted', key: [tag, seq] });
    for (const { table, key } of [...rows.values()]) {
      if (table === 'uncounted' && key[0] === tag && key[1] >= from && key[1] <= to) put({ table, key });
    }
  }

  const transaction: Transaction = {
    now,
    steadyMs,
    row,
    put,
    append(room, draft) {
      const { tag } = room;
      const keys = draft.dedupe ? dedupeKeys(tag, draft.dedupe, rules.dedupeTtlS, steadyMs) : [];
      const answered = known(keys);
      const written = draft.dedupe?.content;
      if (answered) {
        const { content = written, ...first } = answered;
        if (written !== undefined && content !== written) return refuseOtherContent();
        return succeed({ ...first, dup: true });
      }
      if (draft.author !== undefined) {
        const held = row('restrictions', restrictionKey(room, draft.author));
        const refused = held && refusalFor(held, ['ban', 'mute'], now);
        if (refused) return refused;
      }

      const stored = row('heads', tag);
      const begun = stored ? current(stored) : beginLog(room.kind, rules.run, makeEpoch(), now);
      const head = takeNextSeq(expireEntries(begun, retentionOf(begun, rules), now), now);
      const { epoch, top: seq, at } = head;
      const json = `{"seq":${seq},"epoch":"${epoch}","id":${JSON.stringify(draft.id)},"at":${at},${draft.members}}`;
      const entry = { epoch, seq, json, ...(draft.except === undefined ? {} : { except: draft.except }) };
      const answer = { epoch, seq, id: draft.id, at };
      put({ table: 'heads', key: tag, value: head });
      putEntry(tag, entry);
      published.push({ tag, entry });
      if (draft.reader !== undefined) putSaid(draft.reader, room.roomid, seq);
      const [key] = keys;
      const remembered = written === undefined ? answer : { ...answer, content: written };
      if (key) put({ table: 'answers', key, value: remembered });
      return succeed({ ...answer, dup: false });
    },
    replace(room, seq, members, notice) {
      const { tag } = room;
      const head = row('heads', tag);
      if (!head) return undefined;
      const { first, top } = expireEntries(head, retentionOf(head, rules), now);
      const stored = seq >= first && seq <= top ? entryAt(tag, seq) : undefined;
      const place = stored ? PLACE.exec(stored.json)?.[0] : undefined;
      if (!stored || place === undefined) return undefined;
      const json = `${place}${members}}`;
      if (json === stored.json) return {};
      putEntry(tag, { ...stored, json });
      const appended = notice && transaction.append(room, notice);
      const told = appended?.ok ? appended.value : undefined;
      for (const one of told ? [seq, told.seq] : [seq])
        put({ table: 'uncounted', key: [tag, one], value: true });
      return told ? { notice: told } : {};
    },
    ensureEpoch({ kind, tag }) {
      const head = row('heads', tag);
      if (head) put({ table: 'heads', key: tag, value: current(head) });
      else if (kind === 'room') {
        put({ table: 'heads', key: tag, value: beginLog(kind, rules.run, makeEpoch(), now) });
      }
    },
    expire(tag) {
      const head = row('heads', tag);
      if (!head) return;
      const keeping = retentionOf(head, rules);
      if (head.top === 0 && isIdle(head, keeping, now)) {
        put({ table: 'heads', key: tag });
        put({ table: 'marks', key: tag });
        transaction.removeRoomSubscriptions(tag);
      } else {
        put({ table: 'heads', key: tag, value: expireEntries(head, keeping, now) });
      }
    },
    removeRoomSubscriptions(tag) {
      for (const key of ownMessageKeys(tag, row('visits', tag))) put({ table: 'said', key });
      put({ table: 'visits', key: tag });
    },
    erase(tag) {
      const head = row('heads', tag);
      for (const table of ['heads', 'marks'] as const) put({ table, key: tag });
      // At once, for the next log's entries are counted under the same numbers. An inbox, of which nothing is replaced, has none.
      forgetUncounted(tag, 1, Number.MAX_SAFE_INTEGER - 1);
      transaction.removeRoomSubscriptions(tag);
      for (const key of tables.dedupeKeysOf(tag, dedupePeriods(rules.dedupeTtlS, steadyMs)))
        put({ table: 'answers', key });
      for (const one of [...rows.values()]) {
        if (one.table === 'answers' && one.key[1] === tag) put({ table: 'answers', key: one.key });
      }
      if (!head || head.floor > head.top) return;
      const left = row('erased', tag);
      const value = {
        from: Math.min(head.floor, left?.from ?? head.floor),
        to: Math.max(head.top, left?.to ?? 0),
      };
      put({ table: 'erased', key: tag, value });
    },
    removeErased(tag) {
      const value = row('erased', tag);
      if (value) put({ table: 'erased', key: tag, value });
    },
    write: (write) => {
      writes.push(write);
    },
    published,
    finish() {
      for (const one of [...rows.values()]) {
        if (one.table === 'heads' && one.value) finishLog(one.key, one.value);
        if (one.table === 'erased' && one.value) finishErased(one.key, one.value);
      }
      return [...writes, ...rows.values()];
    },
  };
  return transaction;
}

function makeEpoch(): string {
  return randomBytes(9).toString('base64url');
}
