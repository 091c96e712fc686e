import type { RoomReaders } from '../../chat/room-readers.ts';
import { succeed } from '../../protocol/codes.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { ReaderCounts } from './reader-counts.ts';
import type { ReadSnapshot } from './tables.ts';
import { ownMessageKey } from './unread.ts';

export interface RoomReadersDeps {
  readonly readSnapshot: ReadSnapshot;
  readonly queue: CommitQueue;
  readonly counts: ReaderCounts;
}

/** Bytes of a mark, of its expiry and of the log's metadata. */
const ROW_BYTES = 1_000;

/** The marks share their rows with the readers' own newest messages. */
export function createRoomReaders({ readSnapshot, queue, counts }: RoomReadersDeps): RoomReaders {
  return {
    async raise(room, reader, seq) {
      const raised = await queue.add({
        bytes: ROW_BYTES,
        plan: (transaction) => transaction.raiseReader(room, reader, seq),
      });
      if (!raised.ok) return raised;
      if (raised.value) counts.raised(room, reader, seq);
      return succeed(undefined);
    },
    async marks({ roomid }, readers) {
      return readSnapshot((snapshot) =>
        readers.map((reader) => snapshot.row('said', ownMessageKey(reader, roomid))),
      );
    },
    count: async (room, seq) => succeed(counts.count(room, seq)),
  };
}
