import { randomBytes } from 'node:crypto';
import type { Appended, Draft, Entry, Replaced } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import { refuseReusedId } from '../reused-id.ts';
import { dedupeKeys } from './dedupe-keys.ts';
import { beginLog, continueLog, expireEntries, type LogMeta, retentionOf, takeNextSeq } from './log-meta.ts';
import { refusalFor, restrictionKey } from './restrictions.ts';
import type { DedupeKey, DedupeRecord } from './rows.ts';
import type { TransactionContext } from './transaction-context.ts';
import { hasSubscription, ownMessageKey } from './unread.ts';

export interface LogWrites {
  append(room: Room, draft: Draft): Outcome<Appended>;
  /** Same as `RoomLogs.replace`. */
  replace(room: Room, seq: number, members: string, notice?: Draft): Replaced | undefined;
  /** Gives the log an epoch of this run. Begins the log of a room that has none, but no other kind of log. */
  ensureEpoch(room: Room): void;
}

/** The members that the store put before those of the message. */
const POSITION = /^\{"seq":\d+,"epoch":"[^"]*","id":"(?:[^"\\]|\\.)*","at":[^,]+,/;

/** The part of a transaction that writes into logs. */
export function createLogWrites(
  { staged, rules, time }: TransactionContext,
  publish: (tag: string, entry: Entry) => void,
): LogWrites {
  const { now, steadyMs } = time;
  const inThisRun = (meta: LogMeta) => continueLog(meta, rules.run, makeEpoch);

  function firstRecord(keys: readonly DedupeKey[]): DedupeRecord | undefined {
    for (const key of keys) {
      const record = staged.row('dedupe', key);
      if (record) return record;
    }
    return undefined;
  }

  function putLastOwnMessage(inbox: string, roomid: string, seq: number): void {
    const key = ownMessageKey(inbox, roomid);
    // The author was deleted since joining, or has joined a thousand rooms since: no subscription removes it.
    if (
      staged.row('said', key) === undefined &&
      !hasSubscription(staged.row('roomSubscriptions', inbox), key)
    ) {
      staged.write({ table: 'expiries', key: [now + rules.inboxTtlS * 1_000, 'said', key], value: true });
    }
    staged.put({ table: 'said', key, value: seq });
  }

  function append(room: Room, draft: Draft): Outcome<Appended> {
    const { tag } = room;
    const keys = draft.dedupe ? dedupeKeys(tag, draft.dedupe, rules, steadyMs) : [];
    const first = firstRecord(keys);
    const written = draft.dedupe?.content;
    if (first) {
      const { content = written, ...answer } = first;
      if (written !== undefined && content !== written) return refuseReusedId();
      return succeed({ ...answer, dup: true });
    }
    if (draft.author !== undefined) {
      const restrictions = staged.row('restrictions', restrictionKey(room, draft.author));
      const refused = restrictions && refusalFor(restrictions, ['ban', 'mute'], now);
      if (refused) return refused;
    }

    const stored = staged.row('logMeta', tag);
    const begun = stored ? inThisRun(stored) : beginLog(room.kind, rules.run, makeEpoch(), now);
    const meta = takeNextSeq(expireEntries(begun, retentionOf(begun, rules), now), now);
    const { epoch, top: seq, at } = meta;
    const json = `{"seq":${seq},"epoch":"${epoch}","id":${JSON.stringify(draft.id)},"at":${at},${draft.members}}`;
    const entry = { epoch, seq, json, ...(draft.except !== undefined && { except: draft.except }) };
    const answer = { epoch, seq, id: draft.id, at };
    staged.put({ table: 'logMeta', key: tag, value: meta });
    staged.putEntry(tag, entry);
    publish(tag, entry);
    if (draft.reader !== undefined) putLastOwnMessage(draft.reader, room.roomid, seq);
    const [key] = keys;
    const record = written === undefined ? answer : { ...answer, content: written };
    if (key) staged.put({ table: 'dedupe', key, value: record });
    return succeed({ ...answer, dup: false });
  }

  return {
    append,
    replace(room, seq, members, notice) {
      const { tag } = room;
      const meta = staged.row('logMeta', tag);
      if (!meta) return undefined;
      const { first, top } = expireEntries(meta, retentionOf(meta, rules), now);
      const stored = seq >= first && seq <= top ? staged.entry(tag, seq) : undefined;
      const position = stored ? POSITION.exec(stored.json)?.[0] : undefined;
      if (!stored || position === undefined) return undefined;
      const json = `${position}${members}}`;
      if (json === stored.json) return {};
      staged.putEntry(tag, { ...stored, json });
      const outcome = notice && append(room, notice);
      const appended = outcome?.ok ? outcome.value : undefined;
      for (const uncounted of appended ? [seq, appended.seq] : [seq])
        staged.put({ table: 'uncounted', key: [tag, uncounted], value: true });
      return appended ? { notice: appended } : {};
    },
    ensureEpoch({ kind, tag }) {
      const meta = staged.row('logMeta', tag);
      if (meta) staged.put({ table: 'logMeta', key: tag, value: inThisRun(meta) });
      else if (kind === 'room') {
        staged.put({ table: 'logMeta', key: tag, value: beginLog(kind, rules.run, makeEpoch(), now) });
      }
    },
  };
}

function makeEpoch(): string {
  return randomBytes(9).toString('base64url');
}
