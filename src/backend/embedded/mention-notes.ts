import type { MentionNotes } from '../../chat/mention-notes.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { Tables } from './tables.ts';

export interface MentionNotesDeps {
  readonly tables: Pick<Tables, 'rowsAfter'>;
  readonly queue: CommitQueue;
  readonly now: () => number;
  readonly closed: () => boolean;
}

const ROW_BYTES = 300;

export function createMentionNotes({ tables, queue, now, closed }: MentionNotesDeps): MentionNotes {
  return {
    add: ({ id, nsp, roomid, by }) =>
      queue.add({
        bytes: ROW_BYTES,
        plan: (transaction) =>
          transaction.put({ table: 'mentions', key: id, value: { nsp, roomid, by, at: transaction.now } }),
      }),
    remove: ({ id }) =>
      queue.add({
        bytes: ROW_BYTES,
        plan: (transaction) => transaction.put({ table: 'mentions', key: id }),
      }),
    async due(ageMs, limit) {
      if (closed()) return refuse('unavailable', 'the store is closed', 1_000);
      const upTo = now() - ageMs;
      const listed = tables.rowsAfter('mentions', undefined, limit);
      return succeed(
        listed.filter(({ value }) => value.at <= upTo).map(({ key: id, value }) => ({ id, ...value })),
      );
    },
  };
}
