import type { Joined, RoomEntry, RoomGap } from '../protocol/rooms.ts';

/** Where the application stands in a room's log. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** What of a join's answer the application has not had yet, and what it can never have. */
export interface Admission {
  readonly gap?: RoomGap;
  readonly fresh: readonly RoomEntry[];
}

/** The order of one room. Its position moves with what is handed on, never with what an ack promises. */
export interface Sequence {
  /** Undefined until the first join is answered. */
  position(): Position | undefined;
  admit(joined: Joined): Admission;
  /** `next` moves the position; `hole`: something before this message, or another history, is not known yet. */
  offer(message: RoomEntry): 'next' | 'repeat' | 'hole';
  /** The server says that members cannot have these. Answers whether it concerns what we have. */
  skip(gap: RoomGap): void;
  /** The server leaves the sender of this one out: its ack counts as its delivery. */
  acked(position: Position): void;
}

export function createSequence(): Sequence {
  let at: Position | undefined;
  /** Every epoch the application has stood in. A number at or below ours under another one is a new message. */
  const epochs = new Set<string>();
  const own = new Set<number>();

  function moveTo({ epoch, seq }: Position): void {
    if (at?.epoch !== epoch) own.clear();
    at = { epoch, seq };
    epochs.add(epoch);
    while (own.delete(at.seq + 1)) at = { epoch, seq: at.seq + 1 };
  }

  /** The page's newest messages up to the first, from its end, that was had before. */
  function unseen(messages: readonly RoomEntry[], from: Position): readonly RoomEntry[] {
    const had = ({ epoch, seq }: RoomEntry) => epochs.has(epoch) && seq <= from.seq;
    return messages.slice(messages.findLastIndex(had) + 1);
  }

  return {
    position: () => at,
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
      // A new epoch: a store that came back whole goes on counting. An old one: from a tail that was lost.
      const ours = message.epoch === at.epoch || !epochs.has(message.epoch);
      if (ours && message.seq === at.seq + 1) {
        moveTo(message);
        return 'next';
      }
      return message.epoch === at.epoch && message.seq <= at.seq ? 'repeat' : 'hole';
    },
    skip({ epoch, from, to, reason }) {
      // What we lack before it shows as a hole at the next message.
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
  // Another history: what was had from `first` on is not in it, or what lies between cannot be had. Where the
  // numbers happen to meet there is no such range, but that something is missing must still be said.
  const [low, high] = [Math.min(first, from.seq + 1), Math.max(first - 1, from.seq)];
  return { roomid, epoch, from: Math.min(low, high), to: high, reason: 'epoch' };
}
