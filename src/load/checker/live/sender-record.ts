import { NUMBERS_FROM } from './origin-text.ts';
import type { SenderProblem } from './room-check.ts';

/** More acks and deliveries than ever wait for each other. Beyond it, the oldest are forgotten. */
const REMEMBERED = 1_024;

interface Place {
  readonly number: number;
  /** The position in the room. */
  readonly seq: number;
}

/**
 * The messages of one client in its room, their answers and their deliveries. A client's messages are stored in the order
 * they were said, an acked one has the position that its ack names, and a refused one has none.
 */
export interface SenderRecord {
  /** An ack came; `seq` is undefined if the server's acks name no position. */
  acked(number: number, seq: number | undefined): SenderProblem | undefined;
  refused(number: number): void;
  /** The first member got it. `said`: the newest number. */
  delivered(number: number, seq: number, said: number): SenderProblem | undefined;
  /** Positions of acked messages that have come with another message. */
  undelivered(): readonly number[];
}

export interface SenderRecordDeps {
  /** The server numbers the messages of a room; without, they have their sender's numbers. */
  readonly numbered: boolean;
  /** True if another message than the client's own one of that number came under this position. */
  readonly isOthers: (seq: number, number: number) => boolean;
}

export function createSenderRecord({ numbered, isOthers }: SenderRecordDeps): SenderRecord {
  const acked: Place[] = [];
  const unacked: Place[] = [];
  const refused: number[] = [];
  let newest = NUMBERS_FROM;
  let newestSeq = 0;

  return {
    acked(number, seq) {
      const at = unacked.findIndex((place) => place.number === number);
      if (at < 0) {
        remember(acked, { number, seq: seq ?? 0 });
        return undefined;
      }
      const [place] = unacked.splice(0, at + 1).slice(-1);
      if (seq === undefined || place?.seq === seq) return undefined;
      return { kind: 'swapped', detail: `the message acked as ${seq} came as ${place?.seq}` };
    },
    refused(number) {
      remember(refused, number);
    },
    delivered(number, seq, said) {
      if (number > said) return { kind: 'phantom', detail: `${seq} has a number that was not said yet` };
      if (refused.includes(number)) return { kind: 'phantom', detail: `${seq} was refused to its sender` };
      // The member's order judges a message that comes late or under its sender's own number.
      if (seq < newestSeq || !numbered) return undefined;
      newestSeq = seq;
      if (number <= newest)
        return { kind: 'repeated', detail: `${seq} has what its sender said before its last one` };
      newest = number;
      const at = acked.findIndex((place) => place.number >= number);
      const passed = acked.splice(0, at < 0 ? acked.length : at);
      const [place] = acked;
      const own = place?.number === number ? acked.shift() : undefined;
      if (own === undefined) remember(unacked, { number, seq });
      // A position that nobody got is a gap in each member's order, which counts it.
      const replaced = passed.filter((each) => isOthers(each.seq, each.number));
      if (replaced.length > 0) {
        const detail = `another message came as ${replaced[0]?.seq} than the one acked so`;
        return { kind: 'lost', detail, times: replaced.length };
      }
      if (own === undefined || own.seq === seq) return undefined;
      return { kind: 'swapped', detail: `the message acked as ${own.seq} came as ${seq}` };
    },
    undelivered: () => acked.filter((each) => isOthers(each.seq, each.number)).map(({ seq }) => seq),
  };
}

function remember<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > REMEMBERED) list.shift();
}
