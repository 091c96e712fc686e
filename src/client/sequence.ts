import type { Joined, RoomEntry, RoomGap } from '../protocol/rooms.ts';

/** The newest entry of a room's log that the application received. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** The entries of a join's answer that are new to the application, and the gap before them. */
export interface Admission {
  readonly gap?: RoomGap;
  readonly fresh: readonly RoomEntry[];
}

/** The order of one room. Its position moves with delivered entries, never with an ack of a message not delivered yet. */
export interface Sequence {
  /** Undefined until the first join is answered. */
  position(): Position | undefined;
  /** True: the application received everything up to there, or what came after it under a new epoch. */
  covers(position: Position): boolean;
  admit(joined: Joined): Admission;
  /** `next` moves the position. `hole`: entries before this one are missing, or it belongs to an unknown history. */
  offer(message: RoomEntry): 'next' | 'repeat' | 'hole';
  /** The server reports entries that are lost: moves the position past them, if it stands there. */
  skip(gap: RoomGap): void;
  /** The server does not deliver this entry to its sender: the ack counts as its delivery. */
  acked(position: Position): void;
}

export function createSequence(): Sequence {
  let at: Position | undefined;
  /** All epochs so far. A low number under any other epoch is a new entry. */
  const epochs = new Set<string>();
  const own = new Set<number>();

  function moveTo({ epoch, seq }: Position): void {
    if (at?.epoch !== epoch) own.clear();
    at = { epoch, seq };
    epochs.add(epoch);
    while (own.delete(at.seq + 1)) at = { epoch, seq: at.seq + 1 };
  }

  /** The entries after the last one of the page that the application received before. */
  function unseen(messages: readonly RoomEntry[], from: Position): readonly RoomEntry[] {
    const isKnown = ({ epoch, seq }: RoomEntry) => epochs.has(epoch) && seq <= from.seq;
    return messages.slice(messages.findLastIndex(isKnown) + 1);
  }

  return {
    position: () => at,
    covers({ epoch, seq }) {
      if (!at) return false;
      return epoch === at.epoch ? seq <= at.seq : epochs.has(epoch);
    },
    admit(joined) {
      const from = at;
      const fresh = from ? unseen(joined.messages, from) : joined.messages;
      const gap = from && gapOf(from, joined, fresh);
      for (const { epoch } of joined.messages) epochs.add(epoch);
      moveTo(joined);
      return gap ? { gap, fresh } : { fresh };
    },
    offer(message) {
      if (!at) return 'hole';
      // A complete store counts on under its new epoch. Entries of an old epoch come from a tail that was lost.
      const ours = message.epoch === at.epoch || !epochs.has(message.epoch);
      if (ours && message.seq === at.seq + 1) {
        moveTo(message);
        return 'next';
      }
      return message.epoch === at.epoch && message.seq <= at.seq ? 'repeat' : 'hole';
    },
    skip({ epoch, from, to, reason }) {
      // Entries missing before it show as a hole at the next one.
      if (!at || at.seq < from - 1) return;
      moveTo({ epoch, seq: reason === 'epoch' ? from - 1 : Math.max(at.seq, to) });
    },
    acked({ epoch, seq }) {
      if (!at || epoch !== at.epoch || seq <= at.seq) return;
      own.add(seq);
      moveTo(at);
    },
  };
}

function gapOf(from: Position, joined: Joined, fresh: readonly RoomEntry[]): RoomGap | undefined {
  const { roomid, epoch, recovered } = joined;
  const first = fresh[0]?.seq ?? joined.seq + 1;
  if (recovered || epoch === from.epoch) {
    if (first <= from.seq + 1) return undefined;
    return { roomid, epoch, from: from.seq + 1, to: first - 1, reason: 'trimmed' };
  }
  // In another history the entries from `first` on are gone, or those in between are lost. Even where the numbers happen to
  // meet, so that the range is empty, the application must learn that something is missing.
  const [low, high] = [Math.min(first, from.seq + 1), Math.max(first - 1, from.seq)];
  return { roomid, epoch, from: Math.min(low, high), to: high, reason: 'epoch' };
}
