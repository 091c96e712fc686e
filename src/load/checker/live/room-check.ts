import type { LiveFindings } from './findings.ts';
import type { MemberOrder } from './member-order.ts';
import { type Origin, originOf } from './origin-text.ts';
import type { RoomBlocks } from './room-blocks.ts';

/** A message as its dialect reads it. Fields that its server does not send are absent. */
export interface ReadMessage {
  readonly text: string;
  readonly room?: string;
  readonly username?: string;
  readonly epoch?: string;
  /** The id that its sender gave it. */
  readonly id?: string;
}

/** Says what is wrong with the place of a message in what its sender said. */
export type SenderCheck = (
  origin: Origin,
  number: number,
  epoch: string | undefined,
) => SenderProblem | undefined;

export interface SenderProblem {
  readonly kind: 'phantom' | 'repeated' | 'swapped' | 'lost';
  readonly detail: string;
  readonly times?: number;
}

export interface RoomCheckDeps {
  readonly room: string;
  /** The newest messages that are kept to compare: a power of two. */
  readonly kept: number;
  readonly read: (frame: string) => ReadMessage | undefined;
  readonly nameOf: (client: number) => string;
  readonly checkSender: SenderCheck;
  readonly findings: LiveFindings;
  /** For a room whose members are in several processes. */
  readonly blocks: RoomBlocks | undefined;
}

interface Kept {
  number: number;
  origin: Origin | undefined;
  bytes: Buffer;
  length: number;
}

const NO_BYTES = Buffer.alloc(0);

/**
 * One room as the members in one process get it. The first to get a number has the message read and checked in full;
 * the others must get the same bytes. Memory is constant: the newest messages, and one number per member. A new epoch
 * may use the numbers of the last one again, and not all members enter it at once, so each has messages of its own.
 */
export class RoomCheck {
  /** Deliveries whose content no longer could be compared, because the member was too far behind. */
  uncompared = 0;
  private readonly deps: RoomCheckDeps;
  /** Those of this process's members that were seen, newest last. */
  readonly epochs: string[] = [];
  private kept: Kept[];
  private previous: Kept[] = [];

  constructor(deps: RoomCheckDeps) {
    this.deps = deps;
    this.kept = createKept(deps.kept);
  }

  get epoch(): string | undefined {
    return this.epochs.at(-1);
  }

  /** A message, an answer or a client names the room's epoch. */
  enterEpoch(epoch: string | undefined): void {
    if (epoch === undefined || this.epochs.includes(epoch)) return;
    if (this.epochs.length > 0) {
      this.previous = this.kept;
      this.kept = createKept(this.deps.kept);
    }
    this.epochs.push(epoch);
  }

  /** True if the number has a message in the newest epoch that is not this client's own one. */
  isOthers(number: number, client: number, own: number): boolean {
    const kept = this.keptAt(this.kept, number);
    return kept.number === number && !(kept.origin?.client === client && kept.origin.number === own);
  }

  /** Checks a delivery; the message stands in `buffer`. Returns the time it was due, undefined if it is not the room's. */
  take(order: MemberOrder, number: number, buffer: Buffer, at: number, end: number): number | undefined {
    const before = this.keptAt(this.kept, number);
    const length = end - at;
    if (
      before.number === number &&
      before.length === length &&
      buffer.compare(before.bytes, 0, length, at, end) === 0
    ) {
      order.take(number);
      return (before.origin as Origin).timeUs;
    }
    const origin = this.takeText(order, number, buffer.toString('utf8', at, end));
    const kept = this.keptAt(this.kept, number);
    if (origin !== undefined && kept.number === number && kept.origin === origin) {
      if (kept.bytes.length < length) kept.bytes = Buffer.allocUnsafeSlow(length + 32);
      buffer.copy(kept.bytes, 0, at, end);
      kept.length = length;
    }
    return origin?.timeUs;
  }

  /** The same for a message in a form of its own, as in a page. */
  takeText(order: MemberOrder, number: number, frame: string): Origin | undefined {
    const origin = this.judge(number, this.deps.read(frame));
    if (origin !== undefined) order.take(number);
    return origin;
  }

  takeRead(order: MemberOrder, number: number, message: ReadMessage): Origin | undefined {
    const origin = this.judge(number, message);
    if (origin !== undefined) order.take(number);
    return origin;
  }

  private judge(number: number, message: ReadMessage | undefined): Origin | undefined {
    const { room, nameOf, checkSender, findings, blocks } = this.deps;
    const origin = message === undefined ? undefined : originOf(message.text);
    if (message === undefined || origin === undefined) {
      findings.add('phantom', () => `${room} got a message at ${number} that nobody said so`);
      return undefined;
    }
    if (origin.to !== room || (message.room !== undefined && message.room !== room)) {
      const to = origin.to === room ? message.room : origin.to;
      findings.add('leaked', () => `${room} got ${number}, which was said to ${to}`);
      return undefined;
    }
    if (message.username !== undefined && message.username !== nameOf(origin.client)) {
      findings.add('phantom', () => `${room} got ${number} as said by ${message.username}`);
      return undefined;
    }
    const { epoch } = message;
    const kept = this.keptIn(epoch, number);
    if (kept?.number === number) {
      const first = kept.origin as Origin;
      if (first.client === origin.client && first.number === origin.number) return origin;
      findings.add('swapped', () => `members of ${room} got different messages as ${number}`);
      return origin;
    }
    if (kept === undefined || kept.number > number) {
      this.uncompared += 1;
      return origin;
    }
    kept.number = number;
    kept.origin = origin;
    kept.length = 0;
    blocks?.add(number, origin, epoch);
    const problem = checkSender(origin, number, epoch);
    if (problem) findings.add(problem.kind, () => `${room}: ${problem.detail}`, problem.times);
    return origin;
  }

  private keptIn(epoch: string | undefined, number: number): Kept | undefined {
    this.enterEpoch(epoch);
    if (epoch === this.epoch) return this.keptAt(this.kept, number);
    return epoch === this.epochs.at(-2) ? this.keptAt(this.previous, number) : undefined;
  }

  private keptAt(kept: readonly Kept[], number: number): Kept {
    return kept[number & (kept.length - 1)] as Kept;
  }
}

function createKept(length: number): Kept[] {
  return Array.from({ length }, () => ({ number: -1, origin: undefined, bytes: NO_BYTES, length: 0 }));
}
