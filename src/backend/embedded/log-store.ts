import {
  type Draft,
  type Entry,
  type LogPage,
  type LogQuery,
  type LogTop,
  NO_EPOCH,
  type RoomLogs,
  type UnreadCount,
  type UnreadQuery,
} from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { isOtherContent, refuseReusedId } from '../reused-id.ts';
import type { CommitQueue } from './commit-queue.ts';
import { dedupeKeys } from './dedupe-keys.ts';
import { expireEntries, type LogMeta, retentionOf } from './log-meta.ts';
import type { ReadSnapshot, Snapshot } from './tables.ts';
import type { StoreRules } from './transaction-context.ts';
import { ownMessageKey, unreadOf } from './unread.ts';

export interface LogStore extends Omit<RoomLogs, 'tops' | 'unread'> {
  /** Same as `RoomLogs.tops`; it needs only the tag. */
  tops(rooms: readonly Pick<Room, 'tag'>[]): Promise<Outcome<readonly LogTop[]>>;
  /** Same as `RoomLogs.unread`; it needs only the tag and the id of a room. */
  unread(asked: readonly TaggedUnreadQuery[]): Promise<Outcome<readonly UnreadCount[]>>;
}

export interface TaggedUnreadQuery extends Omit<UnreadQuery, 'room'> {
  readonly room: Pick<Room, 'tag' | 'roomid'>;
}

export interface LogStoreDeps {
  readonly readSnapshot: ReadSnapshot;
  readonly queue: CommitQueue;
  readonly rules: StoreRules;
  readonly now: () => number;
  /** The clock of dedupe periods. */
  readonly steadyMs: () => number;
  /** A reader has written a message. */
  readonly onSaid: (room: Room, reader: string, seq: number) => void;
}

/** Bytes of a stored entry without the draft. */
export const ENTRY_OVERHEAD_BYTES = 300;
/** Bytes of the row that marks an entry as uncounted. */
const UNCOUNTED_BYTES = 100;

/** All logs. The primary is the only writer. Each of its starts is a run, and begins a new epoch in every log it touches. */
export function createLogStore(deps: LogStoreDeps): LogStore {
  const { readSnapshot, queue, rules, now, steadyMs, onSaid } = deps;

  /** Undefined if the log has no epoch of this run yet. */
  function page(snapshot: Snapshot, room: Room, query: LogQuery): LogPage | undefined {
    const meta = snapshot.row('logMeta', room.tag);
    if (!meta && room.kind !== 'room') return emptyPage();
    if (meta?.run !== rules.run) return undefined;
    return readPage(snapshot, room.tag, expireEntries(meta, retentionOf(meta, rules), now()), query);
  }

  return {
    async append(room, draft) {
      const committed = await queue.add({
        bytes: sizeOf(draft),
        plan: (transaction) => transaction.append(room, draft),
      });
      if (!committed.ok) return committed;
      const appended = committed.value;
      if (appended.ok && draft.reader !== undefined) onSaid(room, draft.reader, appended.value.seq);
      return appended;
    },
    replace(room, seq, members, notice) {
      const bytes = sizeOf({ members }) + (notice ? sizeOf(notice) : 0) + 2 * UNCOUNTED_BYTES;
      return queue.add({ bytes, plan: (transaction) => transaction.replace(room, seq, members, notice) });
    },
    async amend(room, amendment, notice) {
      const { superseded } = amendment;
      const bytes =
        sizeOf({ members: `${amendment.members ?? ''}${amendment.beside ?? ''}` }) +
        sizeOf(notice) +
        (superseded ? sizeOf(superseded) : 0) +
        2 * UNCOUNTED_BYTES;
      const committed = await queue.add({
        bytes,
        plan: (transaction) => transaction.amend(room, amendment, notice),
      });
      return committed.ok ? committed.value : committed;
    },
    async read(room, query) {
      const ready = readSnapshot((snapshot) => page(snapshot, room, query));
      if (!ready.ok) return ready;
      if (ready.value) return succeed(ready.value);
      const touched = await queue.add({
        bytes: ENTRY_OVERHEAD_BYTES,
        plan: (transaction) => transaction.ensureEpoch(room),
      });
      if (!touched.ok) return touched;
      const begun = readSnapshot((snapshot) => page(snapshot, room, query));
      if (!begun.ok) return begun;
      return begun.value ? succeed(begun.value) : refuse('unavailable', 'the room has just expired', 1_000);
    },
    async tops(rooms) {
      const topOf = ({ epoch, top }: LogMeta): LogTop => ({ epoch, top });
      return readSnapshot((snapshot) =>
        rooms.map(({ tag }) => {
          const meta = snapshot.row('logMeta', tag);
          return meta ? topOf(meta) : { top: 0 };
        }),
      );
    },
    async unread(asked) {
      return readSnapshot((snapshot) =>
        asked.map(({ room: { tag, roomid }, reader, read }) => {
          const meta = snapshot.row('logMeta', tag);
          if (!meta || meta.top <= read) return { top: meta?.top ?? 0, read, unread: 0 };
          const held = expireEntries(meta, retentionOf(meta, rules), now());
          const said = reader === undefined ? 0 : (snapshot.row('said', ownMessageKey(reader, roomid)) ?? 0);
          return unreadOf(held, { read }, said, (from, to) => snapshot.uncounted(tag, from, to));
        }),
      );
    },
    async known({ tag }, key) {
      const found = readSnapshot((snapshot) => {
        for (const dedupeKey of dedupeKeys(tag, key, rules, steadyMs())) {
          const record = snapshot.row('dedupe', dedupeKey);
          if (record) return record;
        }
        return undefined;
      });
      if (!found.ok || !found.value) return found;
      const { epoch, seq, id, at, content } = found.value;
      return isOtherContent(content, key) ? refuseReusedId() : succeed({ epoch, seq, id, at });
    },
  };
}

function sizeOf({ members }: Pick<Draft, 'members'>): number {
  return Buffer.byteLength(members) + ENTRY_OVERHEAD_BYTES;
}

function emptyPage(): LogPage {
  return { epoch: NO_EPOCH, top: 0, previousEpochs: [], entries: [], more: false, first: 1 };
}

function readPage(snapshot: Snapshot, tag: string, meta: LogMeta, query: LogQuery): LogPage {
  const { epoch, top, links, first, hasMarks } = meta;
  const forward = query.after !== undefined;
  const from = forward ? Math.max(query.after + 1, first) : Math.min((query.before ?? top + 1) - 1, top);
  const left = () => (forward ? top - from + 1 : from - first + 1) - entries.length;
  const entries: Entry[] = [];
  let bytes = 0;
  if (left() > 0 && query.limit > 0) {
    for (const entry of snapshot.entries(tag, from, forward ? top : first)) {
      bytes += Buffer.byteLength(entry.json);
      if (entries.length > 0 && bytes > query.maxBytes) break;
      entries.push(entry);
      if (entries.length === query.limit) break;
    }
  }
  const more = left() > 0;
  if (!forward) entries.reverse();
  return { epoch, top, previousEpochs: links, entries, more, first, ...(hasMarks && { hasMarks }) };
}
