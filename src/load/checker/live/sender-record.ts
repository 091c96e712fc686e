import { NUMBERS_FROM } from './origin-text.ts';
import type { SenderProblem } from './room-check.ts';

/** More acks and deliveries than ever wait for each other. Beyond it, the oldest are forgotten. */
const REMEMBERED = 1_024;
/** The position of a message that has not come. */
const NOWHERE = 0;
/** The position of a message that came in an earlier epoch. */
const EARLIER = -1;

interface Place {
  readonly number: number;
  /** The position in the room. */
  readonly seq: number;
}

/** A connection that ended with messages unanswered: the newest of its messages that has come. */
interface EndedConnection {
  newest: number;
}

/**
 * The messages of one client in its room, their answers and their deliveries. The messages of a connection are stored
 * in the order they were said, an acked one stands where its ack says, a refused one stands nowhere. One that had no
 * answer when its connection ended may come later than those of the next connection, or not at all. The positions of
 * two epochs are not compared.
 */
export interface SenderRecord {
  said(number: number): void;
  /** An ack came; `seq` is undefined if the server's acks name no position. */
  acked(number: number, seq: number | undefined, epoch?: string): SenderProblem | undefined;
  refused(number: number): SenderProblem | undefined;
  /** It was refused, and may be stored all the same. */
  uncertain?(number: number): void;
  /** The connection has ended. */
  away(): void;
  /** The first member got it. */
  delivered(number: number, seq: number, epoch?: string): SenderProblem | undefined;
  /** Positions of acked messages that have come with another message. */
  undelivered(): readonly number[];
}

export interface SenderRecordDeps {
  /** The server numbers the messages of a room; without, they have their sender's numbers. */
  readonly numbered: boolean;
  /** True if another message than the client's own one of that number came under this position of the newest epoch. */
  readonly isOthers: (seq: number, number: number) => boolean;
}

export function createSenderRecord({ numbered, isOthers }: SenderRecordDeps): SenderRecord {
  /** Said on the present connection and not answered, with the positions under which they came. */
  const unanswered = new Map<number, number>();
  /** Not answered and not come when their connection ended. */
  const abandoned = new Map<number, EndedConnection>();
  /** Acked and not come. */
  const acked: Place[] = [];
  const refused: number[] = [];
  /** Not come when a later one did. */
  const skipped = new Set<number>();
  const epochs: (string | undefined)[] = [];
  let newestSaid = NUMBERS_FROM;
  let newest = NUMBERS_FROM;
  let newestSeq = 0;

  /** False: an epoch before the newest one. */
  function isNewest(epoch: string | undefined): boolean {
    if (epoch === epochs.at(-1)) return true;
    if (epochs.includes(epoch)) return false;
    epochs.push(epoch);
    acked.length = 0;
    newestSeq = 0;
    for (const [number, came] of unanswered) if (came !== NOWHERE) unanswered.set(number, EARLIER);
    return true;
  }

  function skipTo(number: number): void {
    for (let each = Math.max(newest + 1, number - REMEMBERED); each < number; each += 1) skipped.add(each);
    limit(skipped);
    newest = number;
  }

  function late(number: number, seq: number, connection: EndedConnection): SenderProblem | undefined {
    const isSwapped = number <= connection.newest;
    connection.newest = Math.max(connection.newest, number);
    if (number > newest) skipTo(number);
    skipped.delete(number);
    return isSwapped ? swapped(seq) : undefined;
  }

  return {
    said(number) {
      newestSaid = number;
      unanswered.set(number, NOWHERE);
    },
    acked(number, seq, epoch) {
      const isJudged = isNewest(epoch);
      const came = unanswered.get(number) ?? NOWHERE;
      unanswered.delete(number);
      if (!isJudged || came === EARLIER) return undefined;
      if (came === NOWHERE) {
        remember(acked, { number, seq: seq ?? 0 });
        return undefined;
      }
      if (seq === undefined || came === seq) return undefined;
      return { kind: 'swapped', detail: `the message acked as ${seq} came as ${came}` };
    },
    refused(number) {
      const came = unanswered.get(number) ?? NOWHERE;
      unanswered.delete(number);
      remember(refused, number);
      return came === NOWHERE ? undefined : wasRefused(number);
    },
    away() {
      const connection = { newest };
      for (const [number, came] of unanswered) if (came === NOWHERE) abandoned.set(number, connection);
      unanswered.clear();
      limit(abandoned);
    },
    delivered(number, seq, epoch) {
      if (number > newestSaid)
        return { kind: 'phantom', detail: `${seq} has a number that was not said yet` };
      if (refused.includes(number)) return wasRefused(number);
      const isJudged = isNewest(epoch);
      if (unanswered.has(number)) unanswered.set(number, isJudged ? seq : EARLIER);
      // The member's order judges a message under its sender's own number.
      if (!numbered) return undefined;
      const connection = abandoned.get(number);
      abandoned.delete(number);
      const wasSkipped = skipped.delete(number);
      // The member's order judges a message that comes late, too.
      if (!isJudged || seq < newestSeq) return undefined;
      newestSeq = seq;
      if (connection !== undefined) return late(number, seq, connection);
      if (number <= newest) return wasSkipped ? swapped(seq) : repeated(seq);
      skipTo(number);
      const at = acked.findIndex((place) => place.number >= number);
      const passed = acked.splice(0, at < 0 ? acked.length : at);
      const own = acked[0]?.number === number ? acked.shift() : undefined;
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

const wasRefused = (number: number): SenderProblem => ({
  kind: 'phantom',
  detail: `the sender's message ${number} came and was refused`,
});
const repeated = (seq: number): SenderProblem => ({
  kind: 'repeated',
  detail: `${seq} has a message of its sender that came before`,
});
const swapped = (seq: number): SenderProblem => ({
  kind: 'swapped',
  detail: `${seq} has what its sender said before the one that came last`,
});

function remember<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > REMEMBERED) list.shift();
}

function limit(kept: Map<number, unknown> | Set<number>): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= REMEMBERED) return;
    kept.delete(oldest);
  }
}
