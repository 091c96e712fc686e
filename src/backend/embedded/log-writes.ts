import { randomBytes } from 'node:crypto';
import { refuseBlocked } from '../../chat/blocks.ts';
import type { Appended, Draft, Entry } from '../../chat/log-store.ts';
import { refuseNewLogs } from '../../chat/nearly-full.ts';
import type { Room } from '../../chat/room.ts';
import { refuseUnopened, type UnopenedContent } from '../../chat/unopened-inbox.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import { refuseReusedId } from '../reused-id.ts';
import { blockKey, isInForce } from './blocks.ts';
import { dedupeKeys } from './dedupe-keys.ts';
import { createLogAmendments, type LogAmendments } from './log-amendments.ts';
import { beginLog, continueLog, expireEntries, type LogMeta, retentionOf, takeNextSeq } from './log-meta.ts';
import { refusalFor, restrictionKey } from './restrictions.ts';
import type { DedupeKey, DedupeRecord } from './rows.ts';
import type { TransactionContext } from './transaction-context.ts';
import { unopenedWith } from './unopened.ts';
import { hasSubscription, ownMessageKey } from './unread.ts';

export interface LogWrites extends LogAmendments {
  append(room: Room, draft: Draft): Outcome<Appended>;
  /** Notes that the inbox's user was there. */
  openInbox(inbox: Pick<Room, 'tag'>): void;
  /** Same as `RoomReaders.raise`. Returns whether the room has a log. */
  raiseReader(room: Room, reader: string, seq: number): boolean;
  /** Gives the log an epoch of this run. Begins the log of a room that has none, but no other kind of log. */
  ensureEpoch(room: Room): void;
}

/** The part of a transaction that writes into logs. */
export function createLogWrites(
  context: TransactionContext,
  publish: (tag: string, entry: Entry) => void,
): LogWrites {
  const { staged, rules, time } = context;
  const { now, steadyMs } = time;
  const inThisRun = (meta: LogMeta) => continueLog(meta, rules.run, makeEpoch);

  function firstRecord(keys: readonly DedupeKey[]): DedupeRecord | undefined {
    for (const key of keys) {
      const record = staged.row('dedupe', key);
      if (record) return record;
    }
    return undefined;
  }

  function putMark(inbox: string, roomid: string, seq: number): void {
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

  const dedupeKeysOf = ({ tag }: Room, { dedupe }: Draft) =>
    dedupe ? dedupeKeys(tag, dedupe, rules, steadyMs) : [];

  /** The answer to a draft that was stored before, or that its author may not store. */
  function answerWithoutStoring(room: Room, draft: Draft): Outcome<Appended> | undefined {
    const first = firstRecord(dedupeKeysOf(room, draft));
    const written = draft.dedupe?.content;
    if (first) {
      const { content = written, ...answer } = first;
      if (written !== undefined && content !== written) return refuseReusedId();
      return succeed({ ...answer, dup: true });
    }
    if (draft.author === undefined) return undefined;
    if (room.kind === 'inbox') {
      const block = staged.row('blocks', blockKey(room, draft.author));
      return isInForce(block, now) ? refuseBlocked() : undefined;
    }
    const restrictions = staged.row('restrictions', restrictionKey(room, draft.author));
    return restrictions && refusalFor(restrictions, ['ban', 'mute'], now);
  }

  function append(room: Room, draft: Draft): Outcome<Appended> {
    const answered = answerWithoutStoring(room, draft);
    if (answered) return answered;
    const known = staged.row('logMeta', room.tag);
    const visible = known && expireEntries(known, retentionOf(known, rules), now);
    const subscriptions = staged.row('roomSubscriptions', room.tag);
    const { isConnected } = rules;
    const unopened = unopenedWith(room, draft, visible, { isConnected, subscriptions });
    if (unopened === false) return refuseUnopened(room);
    const isNew = room.kind === 'inbox' ? unopened : draft.author !== undefined && !known?.top;
    if (isNew && rules.isNearlyFull()) return refuseNewLogs();
    return succeed(store(room, draft, unopened));
  }

  function store(room: Room, draft: Draft, unopened?: UnopenedContent): Appended {
    const { tag } = room;
    const written = draft.dedupe?.content;
    const stored = staged.row('logMeta', tag);
    const begun = stored ? inThisRun(stored) : beginLog(room.kind, rules.run, makeEpoch(), now);
    const meta = takeNextSeq(expireEntries(begun, retentionOf(begun, rules), now), now);
    const { epoch, top: seq, at } = meta;
    const json = `{"seq":${seq},"epoch":"${epoch}","id":${JSON.stringify(draft.id)},"at":${at},${draft.members}}`;
    const entry = { epoch, seq, json, ...(draft.except !== undefined && { except: draft.except }) };
    const answer = { epoch, seq, id: draft.id, at };
    staged.put({ table: 'logMeta', key: tag, value: { ...opened(meta), ...(unopened && { unopened }) } });
    staged.putEntry(tag, entry);
    publish(tag, entry);
    if (draft.reader !== undefined) putMark(draft.reader, room.roomid, seq);
    const [key] = dedupeKeysOf(room, draft);
    const record = written === undefined ? answer : { ...answer, content: written };
    if (key) staged.put({ table: 'dedupe', key, value: record });
    return { ...answer, dup: false };
  }

  return {
    append,
    ...createLogAmendments(context, { append, store, answerWithoutStoring }),
    openInbox({ tag }) {
      const meta = staged.row('logMeta', tag);
      const at = Math.max(now, meta?.at ?? 0);
      const value = meta ? { ...opened(meta), at } : beginLog('inbox', rules.run, makeEpoch(), now);
      staged.put({ table: 'logMeta', key: tag, value });
    },
    raiseReader({ tag, roomid }, reader, seq) {
      const meta = staged.row('logMeta', tag);
      if (!meta) return false;
      if (!meta.hasMarks) staged.put({ table: 'logMeta', key: tag, value: { ...meta, hasMarks: true } });
      if (seq > (staged.row('said', ownMessageKey(reader, roomid)) ?? 0)) putMark(reader, roomid, seq);
      return true;
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

function opened({ unopened: _unopened, ...meta }: LogMeta): LogMeta {
  return meta;
}

function makeEpoch(): string {
  return randomBytes(9).toString('base64url');
}
