import type {
  InboxStore as ChatInboxStore,
  InboxMarkers,
  ItemProgress,
  MarkerUpdate,
} from '../../chat/inbox-store.ts';
import type { Draft } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { CommitQueue } from './commit-queue.ts';
import { ENTRY_OVERHEAD_BYTES } from './log-store.ts';
import { isAt, marksOf, NO_MARKS, progressOf, raiseMarks } from './marks.ts';
import type { Look } from './tables.ts';

type Tagged = Pick<Room, 'tag'>;

/** The interface of `chat/inbox-store.ts`; mostly a tag is all it takes. */
export interface InboxStore extends Pick<ChatInboxStore, 'fold'> {
  marks(inbox: Tagged): Promise<Outcome<InboxMarkers>>;
  raise(inbox: Tagged, to: MarkerUpdate): Promise<Outcome<InboxMarkers>>;
  erase(inbox: Tagged): Promise<Outcome<void>>;
  progress(
    items: readonly { readonly inbox: Tagged; readonly seq: number }[],
  ): Promise<Outcome<readonly ItemProgress[]>>;
}

/** About what a record with all its steps takes on disk; it is written anew at each step. */
const RECORD_BYTES = 8_192;

/** Marks live in the commits of the logs, so that an inbox and its marks are never seen apart. */
export function createInboxStore({
  look,
  queue,
}: {
  readonly look: Look;
  readonly queue: CommitQueue;
}): InboxStore {
  return {
    async marks({ tag }) {
      return look((view) => marksOf(view.row('marks', tag) ?? NO_MARKS));
    },
    raise: ({ tag }, to) =>
      queue.add({
        bytes: RECORD_BYTES,
        plan(group) {
          const head = group.row('heads', tag);
          const record = group.row('marks', tag) ?? NO_MARKS;
          if (!head) return marksOf(NO_MARKS);
          const raised = raiseMarks(record, to, head, group.now);
          if (raised !== record) group.put({ table: 'marks', key: tag, value: raised });
          return marksOf(raised);
        },
      }),
    async fold(inbox: Room, draft: Draft, news) {
      const committed = await queue.add({
        bytes: Buffer.byteLength(draft.members) + ENTRY_OVERHEAD_BYTES + RECORD_BYTES,
        plan(group): Outcome<boolean> {
          const record = group.row('marks', inbox.tag) ?? NO_MARKS;
          if (!isAt(record.news, news.was)) return succeed(false);
          const appended = group.append(inbox, draft);
          if (!appended.ok) return appended;
          group.put({ table: 'marks', key: inbox.tag, value: { ...record, news: news.becomes } });
          return succeed(true);
        },
      });
      return committed.ok ? committed.value : committed;
    },
    erase: ({ tag }) => queue.add({ bytes: RECORD_BYTES, plan: (group) => group.erase(tag) }),
    async progress(items) {
      return look((view) =>
        items.map(({ inbox, seq }) => progressOf(view.row('marks', inbox.tag) ?? NO_MARKS, seq)),
      );
    },
  };
}
