import type { MemberOrder } from '../checker/live/member-order.ts';
import { NUMBERS_FROM } from '../checker/live/origin-text.ts';
import type { RoomCheck } from '../checker/live/room-check.ts';
import type { UnnumberedMember } from '../checker/live/unnumbered-member.ts';
import type { UnnumberedRoom } from '../checker/live/unnumbered-room.ts';
import type { Clock } from './clock.ts';
import { type Connection, WebSocketConnection } from './connection.ts';
import type { Dialect, DialectClient, Meaning, NumberedMessage } from './dialect.ts';
import { DialectFault } from './dialect-module.ts';
import { type Ledger, record, type Share } from './ledger.ts';
import type { ClientSpec } from './orders.ts';
import { PollingConnection } from './polling-connection.ts';
import type { Sender } from './sender.ts';
import type { Sources } from './sources.ts';

/** A server that does not say when a client is in its room has it there by then. */
const UNCONFIRMED_MS = 5_000;
const LOOPBACK = '127.0.0.1';

export interface ClientDeps {
  /** All connections of a process are read into this one. */
  readonly buffer: Buffer;
  readonly dialect: Dialect;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly timedOneIn: number;
  readonly sources: Sources;
  readonly nameOf: (id: number) => string;
  /** Clients name themselves as users; otherwise they are guests with a name. */
  readonly isIdentified: boolean;
  /** A connection that is not in its room by then has failed. */
  readonly joinLimitMs: number | undefined;
  /** In its room, or, without one, known to the server. */
  readonly onJoined: (client: Client) => void;
  /** `wasIn`: it was in its room. */
  readonly onGone: (client: Client, reason: string, wasIn: boolean) => void;
  readonly onInbox: (client: Client, top: number) => void;
  readonly onPrivate: (client: Client, message: NonNullable<Meaning['privateMessage']>) => void;
}

/** Judges the messages that a client gets. */
export interface Judged {
  readonly order: MemberOrder;
  readonly check: RoomCheck | undefined;
  /** Instead of the others, where the server numbers nothing. */
  readonly unnumbered?: { readonly room: UnnumberedRoom; readonly member: UnnumberedMember };
}

/** One connection: checks the number of every message it gets. Thousands of them, and a hot path, hence a class. */
export class Client implements DialectClient {
  readonly spec: ClientSpec;
  readonly name: string;
  readonly isIdentified: boolean;
  joined = false;
  gone = false;
  stalled = false;
  bye: Meaning['bye'];
  refusal: string | undefined;
  sender: Sender | undefined;
  resume: DialectClient['resume'];
  isDialled = false;
  dialledUs = 0;
  connection!: Connection;
  readonly order: MemberOrder;
  private epoch: string | undefined;
  private joins = 0;
  private readonly deps: ClientDeps;
  private readonly start: Buffer;
  private readonly check: RoomCheck | undefined;
  private readonly unnumbered: Judged['unnumbered'];
  private readonly read = (frame: string) => this.deps.dialect.read(frame, this);
  private share: Share;
  private joinTimer: NodeJS.Timeout | undefined;
  private asks = 0;
  private readonly awaited = new Map<number, (answer: string) => void>();

  constructor(spec: ClientSpec, { order, check, unnumbered }: Judged, deps: ClientDeps) {
    this.spec = spec;
    this.deps = deps;
    this.unnumbered = unnumbered;
    this.order = order;
    this.check = spec.role === 'publisher' ? undefined : check;
    this.name = deps.nameOf(spec.id);
    this.isIdentified = deps.isIdentified;
    this.start = Buffer.from(deps.dialect.messageStart?.(spec.room ?? '') ?? '');
    this.share = deps.ledger.shareOf(spec.server ?? 0, undefined);
  }

  get dialect(): Dialect {
    return this.deps.dialect;
  }

  dial(): void {
    const { deps, spec } = this;
    this.gone = false;
    this.isDialled = true;
    this.bye = undefined;
    this.refusal = undefined;
    this.dialledUs = deps.clock();
    const polling = spec.transport === 'polling';
    const host = spec.host ?? LOOPBACK;
    const path = deps.dialect.path(this);
    const target = {
      host,
      name: spec.hostName ?? host,
      port: spec.port,
      secure: spec.secure === true,
      source: host === LOOPBACK ? deps.sources() : undefined,
      headers: deps.dialect.headers?.(this) ?? {},
      path: path.includes('EIO=') ? `${path}&transport=${polling ? 'polling' : 'websocket'}` : path,
    };
    this.connection = polling
      ? new PollingConnection(target, this)
      : new WebSocketConnection(deps.buffer, target, this);
    const { joinLimitMs } = deps;
    if (joinLimitMs !== undefined) this.joinTimer = setTimeout(() => this.giveUp(joinLimitMs), joinLimitMs);
  }

  onOpen(): void {
    const { dialect } = this.deps;
    if (dialect.hello !== undefined) this.connection.say(dialect.hello);
    if (dialect.joinsByOpening) this.enter({ joinedAt: NUMBERS_FROM });
  }

  onRead(bytes: number): void {
    this.deps.ledger.bytesRead += bytes;
  }

  onText(buffer: Buffer, at: number, end: number): void {
    // Whatever a server sends, it must not end the process with all its clients.
    try {
      this.take(buffer, at, end);
    } catch (error) {
      if (error instanceof DialectFault) throw error;
      this.onMalformed(end - at);
    }
  }

  onMalformed(bytes: number): void {
    const { ledger } = this.deps;
    ledger.findings.add('phantom', () => `client ${this.spec.id} got a malformed packet of ${bytes} bytes`);
    this.connection.destroy();
    this.onEnd('a malformed packet');
  }

  private take(buffer: Buffer, at: number, end: number): void {
    if (this.unnumbered !== undefined) {
      if (this.sender === undefined || !this.sender.onText(buffer, at, end))
        this.takeUnnumbered(this.unnumbered, buffer, at, end);
    } else if (this.check !== undefined && begins(buffer, at, end, this.start)) {
      this.message(this.check, buffer, at, end);
    } else if (this.sender === undefined || !this.sender.onText(buffer, at, end)) {
      this.aside(buffer.toString('utf8', at, end));
    }
  }

  onEnd(reason: string): void {
    const { ledger } = this.deps;
    const was = this.joined;
    this.leaveShare();
    if (!this.stalled && was) {
      ledger.cut += 1;
      ledger.cutInWindow += 1;
      ledger.fault(`client ${this.spec.id}: ${reason}`);
    }
    if (was && this.epoch !== undefined) this.resume = { epoch: this.epoch, seq: this.order.last };
    const why = this.refusal ?? (this.bye ? `bye ${this.bye.code}` : reason);
    this.deps.onGone(this, why, was);
  }

  /** Sends an event with an ack; what it is answered goes to `then`, unless the connection ends. */
  ask(event: string, then: (answer: string) => void): void {
    this.asks += 1;
    this.awaited.set(this.asks, then);
    this.connection.say(`42${this.asks}${event}`);
  }

  /** The number of its events that have no answer yet. */
  get unansweredAsks(): number {
    return this.awaited.size;
  }

  /** The number of messages that it has not got, of those up to `top`, the room's newest. */
  lacks(top: number): number {
    if (!this.joined) return 0;
    return this.unnumbered?.member.lacks() ?? Math.max(0, top - this.order.last);
  }

  /** Nothing up to `top` comes any more. */
  end(top: number): void {
    if (!this.joined) return;
    if (this.unnumbered === undefined) this.order.end(top);
    else this.unnumbered.member.end();
  }

  /** Goes by itself and forgets what it had. */
  leave(): void {
    const words = this.deps.dialect.leave?.(this);
    this.leaveShare();
    if (words === undefined) this.connection.destroy();
    else this.connection.close(words);
    this.resume = undefined;
  }

  destroy(): void {
    this.leaveShare();
    this.connection.destroy();
  }

  private giveUp(afterMs: number): void {
    this.connection.destroy();
    this.onEnd(`not in within ${afterMs / 1_000} s`);
  }

  private leaveShare(): void {
    clearTimeout(this.joinTimer);
    this.unnumbered?.member.away();
    if (this.joined) this.share.clients -= 1;
    this.gone = true;
    this.joined = false;
    this.awaited.clear();
    this.sender?.away();
  }

  private message(check: RoomCheck, buffer: Buffer, at: number, end: number): void {
    const { ledger, clock, timedOneIn } = this.deps;
    let number = 0;
    for (let i = at + this.start.length; i < end; i += 1) {
      const digit = (buffer[i] as number) - 48;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    ledger.delivered += 1;
    this.share.delivered += 1;
    const dueUs = check.take(this.order, number, buffer, at, end);
    if (dueUs !== undefined && (number + this.spec.id) % timedOneIn === 0) {
      record(ledger.deliverUs, clock() - dueUs);
    }
  }

  private takeUnnumbered(
    { room, member }: NonNullable<Judged['unnumbered']>,
    buffer: Buffer,
    at: number,
    end: number,
  ): void {
    const { ledger, clock, timedOneIn } = this.deps;
    const taken = room.take(member, this.read, buffer, at, end);
    if (taken === 'aside') {
      this.aside(buffer.toString('utf8', at, end));
      return;
    }
    ledger.delivered += 1;
    this.share.delivered += 1;
    // Reading the time costs as much as the check.
    if (taken !== undefined && (this.share.delivered + this.spec.id) % timedOneIn === 0)
      record(ledger.deliverUs, clock() - taken);
  }

  /** A message that came with the answer to a resume is a delivery like any other, and a late one. */
  private recover(check: RoomCheck, { number, message }: NumberedMessage): void {
    const { ledger, clock } = this.deps;
    ledger.delivered += 1;
    this.share.delivered += 1;
    const origin = check.takeRead(this.order, number, message);
    if (origin !== undefined) record(ledger.deliverUs, clock() - origin.timeUs);
  }

  private aside(text: string): void {
    const { dialect, ledger } = this.deps;
    const [, id, answer] = this.awaited.size === 0 ? [] : (/^43(\d+)(\[.*)/s.exec(text) ?? []);
    const then = this.awaited.get(Number(id));
    if (then !== undefined && answer !== undefined) {
      this.awaited.delete(Number(id));
      then(answer);
      return;
    }
    if (this.joined && this.spec.room !== undefined) {
      ledger.asideMessages += 1;
      ledger.asideBytes += text.length;
    }
    const meaning = dialect.hear(text, this);
    if (meaning !== undefined) this.heard(meaning);
  }

  private heard(meaning: Meaning): void {
    const { ledger, onPrivate, onInbox } = this.deps;
    if (meaning.inboxTop !== undefined) onInbox(this, meaning.inboxTop);
    if (meaning.worker !== undefined) this.share = ledger.shareOf(this.spec.server ?? 0, meaning.worker);
    if (meaning.epoch !== undefined) this.enterEpoch(meaning.epoch);
    if (meaning.send !== undefined) this.connection.say(meaning.send);
    if (meaning.joinedAt !== undefined) this.enter({ ...meaning, joinedAt: meaning.joinedAt });
    if (meaning.goneBefore !== undefined) ledger.reportedGone += this.order.skipTo(meaning.goneBefore);
    if (meaning.refusedMessage !== undefined)
      this.sender?.refusedBy(meaning.refusedMessage.number, meaning.refusedMessage.code);
    if (meaning.bye !== undefined) this.bye = meaning.bye;
    if (meaning.refused !== undefined) {
      this.refusal = meaning.refused;
      this.connection.destroy();
      this.onEnd(meaning.refused);
    }
    if (meaning.privateMessage !== undefined) onPrivate(this, meaning.privateMessage);
  }

  private enterEpoch(epoch: string): void {
    this.epoch = epoch;
    this.check?.enterEpoch(epoch);
  }

  private beginUnnumbered({ member }: NonNullable<Judged['unnumbered']>, isConfirmed: boolean): void {
    member.begin(isConfirmed);
    if (!isConfirmed) this.joinTimer = setTimeout(() => member.owe(), UNCONFIRMED_MS);
  }

  private enter({
    joinedAt,
    recovered,
    missed = [],
    isUnconfirmed,
  }: Meaning & { readonly joinedAt: number }): void {
    if (this.joined) return;
    const { ledger, dialect, onJoined } = this.deps;
    this.joined = true;
    clearTimeout(this.joinTimer);
    this.joins += 1;
    this.share.clients += 1;
    const { order, check } = this;
    if (this.unnumbered !== undefined) this.beginUnnumbered(this.unnumbered, isUnconfirmed !== true);
    else if (recovered) {
      ledger.resumed += 1;
      if (check !== undefined) for (const each of missed) this.recover(check, each);
      order.end(joinedAt);
    } else if (recovered === false) {
      ledger.reportedGone += order.skipTo(joinedAt + 1);
    } else if (dialect.numberedBy === 'server') {
      // A server that says nothing about what was missed owes all of it.
      if (this.resume !== undefined && this.resume.epoch === this.epoch) order.end(joinedAt);
      order.begin(joinedAt);
    } else if (this.joins > 1) order.beginAnywhere();
    // Stock systems have no number to join at: a message may come before the answer to the join.
    else if (order.last < joinedAt) order.begin(joinedAt);
    if (this.sender) {
      this.sender.connection = this.connection;
      this.sender.share = this.share;
    }
    onJoined(this);
  }
}

function begins(buffer: Buffer, at: number, end: number, start: Buffer): boolean {
  const { length } = start;
  if (end - at < length) return false;
  for (let i = length - 1; i >= 0; i -= 1) if (buffer[at + i] !== start[i]) return false;
  return true;
}
