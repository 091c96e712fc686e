import type { Clock } from './clock.ts';
import { Connection } from './connection.ts';
import type { Dialect } from './dialects.ts';
import { type Ledger, record } from './ledger.ts';
import type { ClientSpec } from './orders.ts';
import { NUMBERS_FROM } from './say-frame.ts';
import type { Sender } from './sender.ts';
import type { Sources } from './sources.ts';

const AT = 0x40;
const TIME_DIGITS = 16;

export interface ClientDeps {
  /** All connections of a process are read into this one. */
  readonly buffer: Buffer;
  readonly dialect: Dialect;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly timedOneIn: number;
  readonly sources: Sources;
  /** In its room, or, without one, known to the server. */
  readonly onJoined: (client: Client) => void;
  readonly onGone: (client: Client) => void;
}

/** One connection: checks the number of every message it gets. Thousands of them, and a hot path, hence a class. */
export class Client {
  readonly spec: ClientSpec;
  joined = false;
  gone = false;
  stalled = false;
  bye: number | undefined;
  /** Number of the last message. */
  last = 0;
  sender: Sender | undefined;
  readonly dialledUs: number;
  readonly connection: Connection;
  private readonly deps: ClientDeps;
  private readonly start: Buffer;
  /** What the answer to an event of ours begins with, and what to do then. */
  private awaited: { readonly start: string; readonly then: () => void } | undefined;

  constructor(spec: ClientSpec, deps: ClientDeps) {
    this.spec = spec;
    this.deps = deps;
    this.start = Buffer.from(deps.dialect.messageStart(spec.room ?? ''));
    this.dialledUs = deps.clock();
    this.connection = new Connection(
      deps.buffer,
      { port: spec.port, source: deps.sources(), path: deps.dialect.path(spec) },
      this,
    );
  }

  onOpen(): void {
    const { dialect } = this.deps;
    if (dialect.hello !== undefined) this.connection.say(dialect.hello);
    if (dialect.joinsByOpening) this.enter(NUMBERS_FROM);
  }

  onText(buffer: Buffer, at: number, end: number): void {
    if (begins(buffer, at, end, this.start) && this.spec.role !== 'publisher') {
      this.message(buffer, at + this.start.length, end);
    } else if (this.sender === undefined || !this.sender.onText(buffer, at, end)) {
      this.aside(buffer.toString('latin1', at, end));
    }
  }

  onEnd(reason: string): void {
    this.gone = true;
    if (!this.stalled) {
      this.deps.ledger.cut += 1;
      this.deps.ledger.fault(`client ${this.spec.id}: ${reason}`);
    }
    this.deps.onGone(this);
  }

  /** Sends an event with an ack id of its own. */
  ask(id: number, event: string, then: () => void): void {
    this.awaited = { start: `43${id}[`, then };
    this.connection.say(`42${id}${event}`);
  }

  destroy(): void {
    this.gone = true;
    this.connection.destroy();
  }

  private message(buffer: Buffer, digitsAt: number, end: number): void {
    const { ledger, clock, timedOneIn } = this.deps;
    let number = 0;
    for (let i = digitsAt; i < end; i += 1) {
      const digit = (buffer[i] as number) - 48;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    ledger.delivered += 1;
    if (number === this.last + 1) this.last = number;
    else this.wrong(number);
    if ((number + this.spec.id) % timedOneIn === 0) {
      record(ledger.deliverUs, clock() - timeIn(buffer, buffer.indexOf(AT, digitsAt) + 1));
    }
  }

  private wrong(number: number): void {
    const { ledger } = this.deps;
    const { id, room } = this.spec;
    ledger.fault(`client ${id} in ${room}: ${number} after ${this.last}${this.joined ? '' : ', not joined'}`);
    if (number <= this.last) {
      ledger.again += 1;
      return;
    }
    ledger.lost += number - this.last - 1;
    this.last = number;
  }

  private aside(text: string): void {
    const { dialect, ledger } = this.deps;
    if (this.awaited !== undefined && text.startsWith(this.awaited.start)) {
      const { then } = this.awaited;
      this.awaited = undefined;
      then();
      return;
    }
    if (this.joined && this.spec.room !== undefined) {
      ledger.asideMessages += 1;
      ledger.asideBytes += text.length;
    }
    const meaning = dialect.hear(text, this.spec);
    if (meaning?.send !== undefined) this.connection.say(meaning.send);
    if (meaning?.joinedAt !== undefined) this.enter(meaning.joinedAt);
    if (meaning?.bye !== undefined) this.bye = meaning.bye;
  }

  private enter(last: number): void {
    if (this.joined) return;
    this.joined = true;
    // Stock systems have no number to join at: a message may come before the answer to the join.
    if (this.last < last) this.last = last;
    this.deps.onJoined(this);
  }
}

function begins(buffer: Buffer, at: number, end: number, start: Buffer): boolean {
  const { length } = start;
  if (end - at < length) return false;
  for (let i = length - 1; i >= 0; i -= 1) if (buffer[at + i] !== start[i]) return false;
  return true;
}

function timeIn(buffer: Buffer, at: number): number {
  let us = 0;
  for (let i = at; i < at + TIME_DIGITS; i += 1) us = us * 10 + (buffer[i] as number) - 48;
  return us;
}
