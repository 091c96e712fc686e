import { isHeld, type NotedPosition } from '../../chat/held-positions.ts';
import type {
  InboxStore as ChatInboxStore,
  InboxLogin,
  InboxMarkers,
  ItemProgress,
  MarkerUpdate,
  RaisedMarkers,
} from '../../chat/inbox-store.ts';
import type { Draft } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { CommitQueue } from './commit-queue.ts';
import { isAt, markersOf, NO_MARKERS, progressOf, raiseMarkers } from './inbox-markers.ts';
import { ENTRY_OVERHEAD_BYTES } from './log-store.ts';
import { exclusionIn } from './restrictions.ts';
import type { ReadSnapshot } from './tables.ts';
import type { StoreRules } from './transaction-context.ts';
import { mustOpen } from './unopened.ts';

type Tagged = Pick<Room, 'tag'>;

/** Same as chat/inbox-store.ts, but most methods need only the tag of the inbox. */
export interface InboxStore extends Pick<ChatInboxStore, 'appendAnnouncement'> {
  /** A worker of an earlier release asks about no token. */
  markers(inbox: Tagged & Partial<Pick<Room, 'roomid'>>, login?: InboxLogin): Promise<Outcome<InboxMarkers>>;
  raise(inbox: Tagged, to: MarkerUpdate): Promise<Outcome<RaisedMarkers>>;
  erase(inbox: Tagged): Promise<Outcome<void>>;
  progress(
    items: readonly (NotedPosition & { readonly inbox: Tagged })[],
  ): Promise<Outcome<readonly ItemProgress[]>>;
}

/** About the size of a record with all its steps on disk; each step rewrites it. */
const RECORD_BYTES = 8_192;

/** Markers are committed together with the logs, so that no reader sees an inbox without its markers. */
export function createInboxStore({
  readSnapshot,
  queue,
  rules,
  now,
}: {
  readonly readSnapshot: ReadSnapshot;
  readonly queue: CommitQueue;
  readonly rules: Pick<StoreRules, 'inboxTtlS'>;
  readonly now: () => number;
}): InboxStore {
  return {
    async markers({ tag, roomid }, login) {
      return readSnapshot((snapshot) => {
        const markers = markersOf(snapshot.row('inboxMarkers', tag) ?? NO_MARKERS);
        if (!login || roomid === undefined) return markers;
        const { jti, opens } = login;
        const at = { now: now(), ttlS: rules.inboxTtlS };
        // Nothing waits for it, since any later item finds it done. If it fails, the next login does it.
        if (opens && mustOpen(snapshot.row('logMeta', tag), opens, at))
          void queue.add({ bytes: RECORD_BYTES, plan: (transaction) => transaction.openInbox({ tag }) });
        return { ...markers, ...exclusionIn(snapshot, { tag, roomid }, { jti, now: at.now }) };
      });
    },
    raise: ({ tag }, to) =>
      queue.add({
        bytes: RECORD_BYTES,
        plan(transaction): RaisedMarkers {
          const meta = transaction.row('logMeta', tag);
          const record = transaction.row('inboxMarkers', tag) ?? NO_MARKERS;
          if (!meta) return { ...markersOf(NO_MARKERS), was: { recv: 0, read: 0 } };
          const raised = raiseMarkers(record, to, meta, transaction.now);
          if (raised !== record) transaction.put({ table: 'inboxMarkers', key: tag, value: raised });
          const { recv, read } = markersOf(record);
          return { ...markersOf(raised), was: { recv, read } };
        },
      }),
    async appendAnnouncement(inbox: Room, draft: Draft, move) {
      const committed = await queue.add({
        bytes: Buffer.byteLength(draft.members) + ENTRY_OVERHEAD_BYTES + RECORD_BYTES,
        plan(transaction): Outcome<boolean> {
          const record = transaction.row('inboxMarkers', inbox.tag) ?? NO_MARKERS;
          if (!isAt(record.news, move.was)) return succeed(false);
          const appended = transaction.append(inbox, draft);
          if (!appended.ok) return appended;
          transaction.put({
            table: 'inboxMarkers',
            key: inbox.tag,
            value: { ...record, news: move.becomes },
          });
          return succeed(true);
        },
      });
      return committed.ok ? committed.value : committed;
    },
    erase: ({ tag }) => queue.add({ bytes: RECORD_BYTES, plan: (transaction) => transaction.erase(tag) }),
    async progress(items) {
      return readSnapshot((snapshot) =>
        items.map(({ inbox: { tag }, ...noted }) => {
          const log = noted.epoch === undefined ? undefined : snapshot.row('logMeta', tag);
          if (log && !isHeld({ epoch: log.epoch, previousEpochs: log.links }, noted)) return {};
          return progressOf(snapshot.row('inboxMarkers', tag) ?? NO_MARKERS, noted.seq);
        }),
      );
    },
  };
}
