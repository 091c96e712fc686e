import type { Joined, MessagePage, RoomEntry, RoomGap, SaidMessage } from '../protocol/rooms.ts';
import { createDeletions } from './deletions.ts';
import type { Emitter } from './emitter.ts';
import type { MessageSource, RoomEvents } from './room.ts';
import { createSequence, type Position } from './sequence.ts';

export interface RoomFeedDeps {
  readonly emit: Emitter<RoomEvents>['emit'];
  /** Whether the application asked not to hear it. */
  readonly isSilenced: (message: SaidMessage) => boolean;
  /** Nothing is handed on any more. */
  readonly isOver: () => boolean;
  /** An entry is missing: the log has to be asked, which begins with `pause`. */
  readonly onHole: () => void;
}

/** Hands a room's entries to the application, in their order and each once. */
export interface RoomFeed {
  /** Up to where the application has had them. */
  position(): Position | undefined;
  /** The log is asked: what comes meanwhile waits for its answer. */
  pause(): void;
  /** The log answered. */
  resume(joined: Joined, source: MessageSource): void;
  offer(entry: RoomEntry): void;
  /** The server says that entries cannot be had any more. */
  gap(gap: RoomGap): void;
  /** The server leaves this client out when it delivers this message: its ack stands for it. */
  acked(position: Position): void;
  /** The page without the text of messages that were deleted while it was on the way. */
  current(page: MessagePage): MessagePage;
}

/** What arrives during a pause is kept up to here; beyond it a hole shows and is filled. */
const MAX_EARLY = 1_000;

export function createRoomFeed({ emit, isSilenced: silences, isOver, onHole }: RoomFeedDeps): RoomFeed {
  const sequence = createSequence();
  const deletions = createDeletions();
  /** Undefined: not paused. */
  let early: RoomEntry[] | undefined;
  /** Entries for which the log was asked already: asking again would not end. */
  const askedFor = new WeakSet<RoomEntry>();

  function wait(entry: RoomEntry): void {
    if (early && early.length < MAX_EARLY) early.push(entry);
  }

  function deliver(entry: RoomEntry, source: MessageSource): void {
    if (isOver()) return;
    if (entry.event === 'deleted') {
      deletions.note(entry);
      emit('deleted', entry, { source });
    } else if (!silences(entry)) {
      emit('message', entry, { source });
    }
  }

  function offer(entry: RoomEntry): void {
    if (early) {
      wait(entry);
      return;
    }
    const place = sequence.offer(entry);
    if (place === 'next') deliver(entry, 'live');
    else if (place === 'hole' && !askedFor.has(entry)) {
      // Nothing is lost on a connection that is up, so this is a fault somewhere.
      askedFor.add(entry);
      onHole();
      wait(entry);
    }
  }

  return {
    position: sequence.position,
    pause() {
      early = [];
    },
    resume(joined, source) {
      const { gap, fresh } = sequence.admit(joined);
      const arrived = early ?? [];
      early = undefined;
      if (gap) emit('gap', gap);
      for (const entry of fresh) deliver(entry, source);
      for (const entry of arrived) offer(entry);
    },
    offer,
    gap(gap) {
      sequence.skip(gap);
      emit('gap', gap);
    },
    acked: sequence.acked,
    current: deletions.apply,
  };
}
