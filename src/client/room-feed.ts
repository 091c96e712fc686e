import type { RoomGap } from '../protocol/rooms.ts';
import type { Emitter } from './emitter.ts';
import type { JoinedRoom, ReceivedEntry, ReceivedMessage, ReceivedPage } from './own-messages.ts';
import { createRecentChanges } from './recent-changes.ts';
import type { MessageSource, RoomEvents } from './room.ts';
import { type Admission, createSequence, type Position } from './sequence.ts';

export interface RoomFeedDeps {
  readonly emit: Emitter<RoomEvents>['emit'];
  /** The application wants the message; it may have asked not to receive its own. */
  readonly accepts: (message: ReceivedMessage) => boolean;
  /** The room ended: nothing is delivered any more. */
  readonly isOver: () => boolean;
  /** An entry is missing: the log must be read, which begins with `pause`. */
  readonly onHole: () => void;
}

/** Delivers a room's entries to the application, in order and each once. */
export interface RoomFeed {
  /** The last entry that the application received. */
  position(): Position | undefined;
  /** The log is being read: entries that arrive meanwhile wait for its answer. */
  pause(): void;
  /** The log answered. */
  resume(joined: JoinedRoom, source: MessageSource): void;
  /** Another connection took over, and its log answered. The old one may have brought later entries. */
  moved(joined: JoinedRoom): void;
  offer(entry: ReceivedEntry): void;
  /** The server reports entries that are lost. */
  gap(gap: RoomGap): void;
  /** The server does not deliver this message to its sender: the ack counts as its delivery. */
  acked(position: Position): void;
  /** The page with the changes that the application received while it was on the way. */
  current(page: ReceivedPage): ReceivedPage;
}

/** Entries that wait during a pause; with more a hole shows and is filled. */
const MAX_EARLY = 1_000;

export function createRoomFeed({ emit, accepts, isOver, onHole }: RoomFeedDeps): RoomFeed {
  const sequence = createSequence();
  const changes = createRecentChanges();
  /** Undefined: not paused. */
  let early: ReceivedEntry[] | undefined;
  /** Entries for which the log was read already: reading it again would never end. */
  const askedFor = new WeakSet<ReceivedEntry>();

  function wait(entry: ReceivedEntry): void {
    if (early && early.length < MAX_EARLY) early.push(entry);
  }

  function deliver(entry: ReceivedEntry, source: MessageSource): void {
    if (isOver()) return;
    changes.note(entry);
    switch (entry.event) {
      case 'edited':
        emit('edited', entry, { source });
        break;
      case 'deleted':
        emit('deleted', entry, { source });
        break;
      case 'reacted':
        emit('reacted', entry, { source });
        break;
      case 'broadcast_say':
        if (accepts(entry)) emit('message', entry, { source });
    }
  }

  function offer(entry: ReceivedEntry): void {
    if (early) {
      wait(entry);
      return;
    }
    const place = sequence.offer(entry);
    if (place === 'next') deliver(entry, 'live');
    else if (place === 'hole' && !askedFor.has(entry)) {
      // The server loses nothing on a live connection, so a hole is a fault somewhere.
      askedFor.add(entry);
      onHole();
      wait(entry);
    }
  }

  function resume({ gap, fresh }: Admission, source: MessageSource): void {
    const arrived = early ?? [];
    early = undefined;
    if (gap) emit('gap', gap);
    for (const entry of fresh) deliver(entry, source);
    for (const entry of arrived) offer(entry);
  }

  return {
    position: sequence.position,
    pause() {
      early = [];
    },
    resume: (joined, source) => resume(sequence.admit(joined), source),
    moved(joined) {
      resume(sequence.covers(joined) ? { fresh: [] } : sequence.admit(joined), 'replay');
    },
    offer,
    gap(gap) {
      // Two connections of a move may both report it.
      if (sequence.covers({ epoch: gap.epoch, seq: gap.to })) return;
      sequence.skip(gap);
      emit('gap', gap);
    },
    acked: sequence.acked,
    current: changes.apply,
  };
}
