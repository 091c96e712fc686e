import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Dialect } from './dialects.ts';
import { type Ledger, record } from './ledger.ts';
import { createSayFrame, NUMBERS_FROM, type SayFrame } from './say-frame.ts';

/** More than may ever be unanswered. */
const RING = 8_192;
const OK = Buffer.from('[{"ok":true');
const SEQ = Buffer.from('"seq":');

export interface SenderDeps {
  readonly room: string;
  readonly connection: Connection;
  readonly dialect: Dialect;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly textBytes: number;
}

/**
 * Talks in a room by the clock, not by the answers: what is due but may not be sent yet, because too much is
 * unanswered, keeps the time at which it was due, and its latency is counted from then.
 */
export class Sender {
  readonly room: string;
  unanswered = 0;
  /** Highest number the room is known to have. */
  top = 0;
  private number = NUMBERS_FROM;
  /** The oldest one not answered, for systems that answer in order. */
  private oldest = NUMBERS_FROM + 1;
  private nextUs = 0;
  private intervalUs = 0;
  private unackedMax = 0;
  private readonly sentUs = new Float64Array(RING);
  private readonly frame: SayFrame;
  private readonly ackStart: Buffer | undefined;
  private readonly connection: Connection;
  private readonly ledger: Ledger;
  private readonly clock: Clock;

  constructor({ room, connection, dialect, ledger, clock, textBytes }: SenderDeps) {
    this.room = room;
    this.connection = connection;
    this.ledger = ledger;
    this.clock = clock;
    this.frame = createSayFrame(dialect.say(room, textBytes));
    this.ackStart = dialect.ackStart === undefined ? undefined : Buffer.from(dialect.ackStart);
  }

  talk(perSecond: number, unacked: number, firstUs: number): void {
    this.intervalUs = 1e6 / perSecond;
    this.unackedMax = Math.min(unacked, RING - 1);
    this.nextUs = firstUs;
  }

  hush(): void {
    this.intervalUs = 0;
  }

  backlog(): number {
    if (this.intervalUs === 0) return 0;
    return Math.max(0, Math.floor((this.clock() - this.nextUs) / this.intervalUs) + 1);
  }

  /** Sends what is due. */
  pump(nowUs: number): void {
    if (this.intervalUs === 0 || this.nextUs > nowUs) return;
    const due = Math.floor((nowUs - this.nextUs) / this.intervalUs) + 1;
    const count = Math.min(due, this.unackedMax - this.unanswered);
    if (count <= 0) return;
    const { bytes } = this.frame;
    const frames = Buffer.allocUnsafe(bytes * count);
    for (let i = 0; i < count; i += 1) {
      this.number += 1;
      this.sentUs[this.number % RING] = this.nextUs;
      this.frame.write(frames, i * bytes, this.number, this.nextUs);
      this.nextUs += this.intervalUs;
    }
    this.unanswered += count;
    this.ledger.sent += count;
    this.connection.write(frames);
  }

  /** Whether the text was an answer. */
  onText(buffer: Buffer, at: number, end: number): boolean {
    if (this.ackStart === undefined) {
      this.acked(this.oldest);
      this.top = this.oldest;
      this.oldest += 1;
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
    if (buffer[i] !== OK[0] || OK.compare(buffer, i, i + OK.length) === 0) {
      const seqAt = buffer.subarray(i, end).indexOf(SEQ);
      const seq = seqAt < 0 ? number : figureAt(buffer, i + seqAt + SEQ.length, end);
      if (seq > this.top) this.top = seq;
      this.acked(number);
    } else this.refused(number, buffer.toString('utf8', i, end));
    return true;
  }

  private acked(number: number): void {
    this.unanswered -= 1;
    this.ledger.acked += 1;
    record(this.ledger.ackUs, this.clock() - (this.sentUs[number % RING] as number));
  }

  private refused(number: number, answer: string): void {
    this.unanswered -= 1;
    const { code, temporary, retryAfterMs } = JSON.parse(answer)[0].error;
    this.ledger.refuse(code);
    if (temporary && !(retryAfterMs > 0)) this.ledger.timeless += 1;
    record(this.ledger.ackUs, this.clock() - (this.sentUs[number % RING] as number));
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
