import { NUMBERS_FROM } from '../checker/live/origin-text.ts';
import type { SenderProblem } from '../checker/live/room-check.ts';
import type { SenderRecord } from '../checker/live/sender-record.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Dialect, DialectClient } from './dialect.ts';
import { type Ledger, record, type Share } from './ledger.ts';
import { createSayFrame, type SayFrame } from './say-frame.ts';

const OK = Buffer.from('[{"ok":true');
const SEQ = Buffer.from('"seq":');
const EPOCH = Buffer.from('"epoch":"');
const QUOTE = 34;

export interface SenderDeps {
  readonly client: DialectClient;
  readonly dialect: Dialect;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly textBytes: number;
  /** The length of the next text at the common rate. */
  readonly nextTextBytes: () => number;
  /** More than may ever be unanswered. */
  readonly ring: number;
  readonly record: SenderRecord;
  /** Takes the next number; without it, a sender has numbers of its own. */
  readonly nextNumber?: () => number;
  /** An ack names another epoch than the one before. */
  readonly onEpoch: (epoch: string) => void;
}

/**
 * Talks in a room by the clock, not by the answers: what is due but may not be sent yet, because too much is
 * unanswered, keeps the time at which it was due, and its latency is counted from then.
 */
export class Sender {
  readonly room: string;
  /** Its share of the messages at the common rate, as compared with the others. */
  readonly weight: number;
  unanswered = 0;
  /** Highest number the room is known to have in this epoch. */
  top = 0;
  epoch: string | undefined;
  /** Undefined while the client is away. */
  connection: Connection | undefined;
  share: Share | undefined;
  /** The newest one said. */
  number = NUMBERS_FROM;
  /** The oldest one not answered, for systems that answer in order. */
  private oldest = NUMBERS_FROM + 1;
  private nextUs = 0;
  private intervalUs = 0;
  private unackedMax = 0;
  private readonly deps: SenderDeps;
  private readonly sentUs: Float64Array;
  /** The same, where the numbers of one sender lie apart. */
  private readonly sentAtUs = new Map<number, number>();
  private readonly frame: SayFrame;
  /** By the length of the text. */
  private readonly frames = new Map<number, SayFrame>();
  private readonly ackStart: Buffer | undefined;

  constructor(deps: SenderDeps) {
    const { client, dialect, textBytes, ring } = deps;
    this.deps = deps;
    this.room = client.spec.room as string;
    this.weight = client.spec.talkWeight ?? 1;
    this.sentUs = new Float64Array(ring);
    this.frame = this.frameOf(textBytes);
    this.ackStart = dialect.ackStart && Buffer.from(dialect.ackStart(client));
  }

  talk(perSecond: number, unacked: number, firstUs: number): void {
    this.intervalUs = 1e6 / perSecond;
    this.unackedMax = Math.min(unacked, this.deps.ring - 1);
    this.nextUs = firstUs;
  }

  stop(): void {
    this.intervalUs = 0;
  }

  backlog(): number {
    if (this.intervalUs === 0) return 0;
    return Math.max(0, Math.floor((this.deps.clock() - this.nextUs) / this.intervalUs) + 1);
  }

  /** Sends what is due. */
  pump(nowUs: number): void {
    if (this.intervalUs === 0 || this.nextUs > nowUs || this.connection === undefined) return;
    const due = Math.floor((nowUs - this.nextUs) / this.intervalUs) + 1;
    const count = Math.min(due, this.unackedMax - this.unanswered);
    if (count <= 0) return;
    const { bytes } = this.frame;
    const frames = Buffer.allocUnsafe(bytes * count);
    for (let i = 0; i < count; i += 1) {
      this.put(this.frame, frames, i * bytes, this.nextUs);
      this.nextUs += this.intervalUs;
    }
    this.connection.write(frames);
  }

  /** Sends one message that was due then. False: it may not now. */
  say(dueUs: number): boolean {
    if (this.connection === undefined || this.unanswered >= this.deps.ring - 1) return false;
    const frame = this.frameOf(this.deps.nextTextBytes());
    const bytes = Buffer.allocUnsafe(frame.bytes);
    this.put(frame, bytes, 0, dueUs);
    this.connection.write(bytes);
    return true;
  }

  private frameOf(textBytes: number): SayFrame {
    const known = this.frames.get(textBytes);
    if (known !== undefined) return known;
    const { client, dialect } = this.deps;
    const frame = createSayFrame(dialect.say(client, this.room, textBytes), client.spec.transport);
    this.frames.set(textBytes, frame);
    return frame;
  }

  private put(frame: SayFrame, into: Buffer, at: number, dueUs: number): void {
    const { nextNumber, ledger, dialect } = this.deps;
    this.number = nextNumber === undefined ? this.number + 1 : NUMBERS_FROM + nextNumber();
    frame.write(into, at, this.number, dueUs);
    ledger.sent += 1;
    this.deps.record.said(this.number);
    if (dialect.unacknowledged) {
      ledger.acked += 1;
      if (this.share) this.share.acked += 1;
      return;
    }
    this.unanswered += 1;
    if (nextNumber === undefined) this.sentUs[this.number % this.deps.ring] = dueUs;
    else this.sentAtUs.set(this.number, dueUs);
  }

  /** Its connection has ended: what is unanswered now stays so, and may be stored all the same. */
  away(): void {
    this.connection = undefined;
    this.unanswered = 0;
    this.sentAtUs.clear();
    this.deps.record.away();
  }

  /** Returns true if the text was an answer. */
  onText(buffer: Buffer, at: number, end: number): boolean {
    if (this.deps.dialect.unacknowledged) return false;
    if (this.ackStart === undefined) {
      this.top = this.oldest;
      this.oldest += 1;
      this.acked(this.top, undefined);
      return true;
    }
    for (let i = 0; i < this.ackStart.length; i += 1) if (buffer[at + i] !== this.ackStart[i]) return false;
    let number = 0;
    let i = at + this.ackStart.length;
    for (; i < end; i += 1) {
      const digit = (buffer[i] as number) - 48;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    if (number <= NUMBERS_FROM) return false;
    if (this.deps.dialect.refusalIn !== undefined) {
      const code = this.deps.dialect.refusalIn(buffer.toString('utf8', i, end));
      if (code === undefined) this.acked(number, undefined);
      else this.refusedBy(number, code);
      return true;
    }
    if (buffer[i] !== OK[0] || OK.compare(buffer, i, i + OK.length) === 0) {
      const numbered = this.deps.dialect.numberedBy === 'server';
      const seqAt = numbered ? buffer.subarray(i, end).indexOf(SEQ) : -1;
      const seq = seqAt < 0 ? undefined : figureAt(buffer, i + seqAt + SEQ.length, end);
      const epochAt = numbered ? buffer.subarray(i, end).indexOf(EPOCH) : -1;
      if (epochAt >= 0) this.enterEpoch(buffer, i + epochAt + EPOCH.length, end);
      this.top = Math.max(this.top, numbered ? (seq ?? 0) : number);
      this.acked(number, seq);
    } else this.refused(number, buffer.toString('utf8', i, end));
    return true;
  }

  private enterEpoch(buffer: Buffer, start: number, limit: number): void {
    const length = buffer.subarray(start, limit).indexOf(QUOTE);
    const epoch = buffer.toString('utf8', start, start + length);
    if (epoch === this.epoch) return;
    this.epoch = epoch;
    // The numbers of another epoch may begin below what was acked in the last one.
    this.top = 0;
    this.deps.onEpoch(epoch);
  }

  private acked(number: number, seq: number | undefined): void {
    const { ledger } = this.deps;
    ledger.acked += 1;
    if (this.share) this.share.acked += 1;
    this.answered(number);
    this.found(this.deps.record.acked(number, seq, this.epoch));
  }

  private found(problem: SenderProblem | undefined): void {
    if (problem === undefined) return;
    this.deps.ledger.findings.add(problem.kind, () => `${this.room}: ${problem.detail}`, problem.times);
  }

  private refused(number: number, answer: string): void {
    const { code = 'refused', temporary, retryAfterMs } = JSON.parse(answer)[0]?.error ?? {};
    if (temporary && !(retryAfterMs > 0)) this.deps.ledger.timeless += 1;
    this.refusedBy(number, code);
  }

  /** The server has refused one of its messages. */
  refusedBy(number: number, code: string): void {
    const { ledger, record: own, dialect } = this.deps;
    ledger.refuse(code);
    if (this.share) this.share.refused += 1;
    if (dialect.unacknowledged) {
      // It counted as taken when it was said.
      ledger.acked -= 1;
      if (this.share) this.share.acked -= 1;
    } else this.answered(number);
    if (code === 'unavailable' || code === 'internal') own.uncertain?.(number);
    else this.found(own.refused(number));
  }

  private answered(number: number): void {
    this.unanswered = Math.max(0, this.unanswered - 1);
    const { ledger, clock, ring, nextNumber } = this.deps;
    const sentUs = nextNumber === undefined ? this.sentUs[number % ring] : this.sentAtUs.get(number);
    this.sentAtUs.delete(number);
    if (sentUs !== undefined) record(ledger.ackUs, clock() - sentUs);
  }
}

function figureAt(buffer: Buffer, start: number, end: number): number {
  let figure = 0;
  for (let i = start; i < end; i += 1) {
    const digit = (buffer[i] as number) - 48;
    if (digit < 0 || digit > 9) break;
    figure = figure * 10 + digit;
  }
  return figure;
}
