import type { LiveFindings } from './findings.ts';
import { NUMBERS_FROM, type Origin, originOf } from './origin-text.ts';
import { RecentMessages, type Said } from './recent-messages.ts';
import type { ReadMessage, SenderProblem } from './room-check.ts';
import type { SenderRecord } from './sender-record.ts';
import { UnnumberedMember } from './unnumbered-member.ts';

/** The place of a mark in a text: `@`, the time, a blank. */
const MARK = 64;
const BLANK = 32;
const TIME_BYTES = 18;
const MARK_SHAPE = /@\d{16} \d+ \d{10} /;
/** Frames of one message differ little in length. */
const SPARE_BYTES = 32;

export interface UnnumberedRoomDeps {
  readonly room: string;
  /** The newest messages that are known one by one: a power of two. */
  readonly kept: number;
  /** All members get all messages in one order. */
  readonly roomOrder: boolean;
  /** A client gets what it says itself. */
  readonly ownMessages: boolean;
  /** The server acknowledges what it takes. */
  readonly acknowledged: boolean;
  readonly nameOf: (client: number) => string;
  readonly findings: LiveFindings;
}

/** The time at which a delivered message was due; undefined for a fault; `aside`: no message of the run's clients. */
export type Taken = number | undefined | 'aside';

/**
 * A room of a server that numbers nothing. All its speakers and members are in one process, which numbers what they
 * say, so each member must get each number that was said while it was in the room, once, and the numbers of one sender
 * in their order. If the server promises one order for all members, that is compared too. Memory is constant: the
 * newest messages with a bit for each member.
 */
export class UnnumberedRoom {
  /** Deliveries that could not be judged: they, or the answer to their message, came too late for it to be known. */
  uncompared = 0;
  /** Pairs of messages that two members got in different orders, where the server promises none. */
  reordered = 0;
  private readonly deps: UnnumberedRoomDeps;
  private readonly messages: RecentMessages;
  private readonly members: UnnumberedMember[] = [];
  private readonly differs = (times: number, words: () => string): void => {
    if (this.deps.roomOrder) this.deps.findings.add('swapped', words, times);
    else this.reordered += times;
  };

  constructor(deps: UnnumberedRoomDeps) {
    this.deps = deps;
    this.messages = new RecentMessages(deps.kept);
  }

  createMember(client: number): UnnumberedMember {
    const { messages, differs } = this;
    const { room, findings } = this.deps;
    const index = this.members.length;
    const member = new UnnumberedMember({ index, client, room, messages, findings, differs });
    this.members.push(member);
    return member;
  }

  /** A client says the next number. Returns it. */
  say(client: UnnumberedMember): number {
    const { messages, members } = this;
    const { acknowledged, ownMessages } = this.deps;
    const { leaving } = messages;
    if (leaving?.state === 'owed') for (const member of members) member.forget(leaving);
    // Its ack may still come: nobody can say then who has lost it.
    else if (leaving?.state === 'unanswered')
      for (const member of members) if (member.isMissing(leaving)) this.uncompared += 1;
    const entry = messages.add(client.client, acknowledged ? 'unanswered' : 'owed', members.length);
    const newest = messages.at(client.newestSaid);
    if (newest !== undefined) {
      entry.previous = newest.number;
      newest.next = entry.number;
    }
    client.newestSaid = entry.number;
    if (!ownMessages) messages.receive(entry, client.index);
    return entry.number;
  }

  /** A sender's answers decide about its messages. */
  recordOf(client: UnnumberedMember): SenderRecord {
    return {
      said: () => undefined,
      acked: (number) => {
        const entry = this.messages.at(number - NUMBERS_FROM);
        if (entry?.state === 'unanswered') entry.state = 'owed';
        return undefined;
      },
      refused: (number) => this.refused(this.messages.at(number - NUMBERS_FROM)),
      uncertain: (number) => {
        const entry = this.messages.at(number - NUMBERS_FROM);
        if (entry !== undefined) entry.state = 'optional';
      },
      away: () => this.abandon(client),
      delivered: () => undefined,
      undelivered: () => [],
    };
  }

  /** Checks a delivery; the frame stands in `buffer`. `read` finds the message in it. */
  take(
    member: UnnumberedMember,
    read: (frame: string) => ReadMessage | undefined,
    buffer: Buffer,
    at: number,
    end: number,
  ): Taken {
    const number = numberIn(buffer, at, end);
    if (number === 0) return 'aside';
    const entry = this.messages.at(number);
    const length = end - at;
    if (
      entry !== undefined &&
      entry.length === length &&
      buffer.compare(entry.bytes, 0, length, at, end) === 0
    ) {
      member.take(entry);
      return entry.timeUs;
    }
    const message = read(buffer.toString('utf8', at, end));
    if (message === undefined) return 'aside';
    const origin = originOf(message.text);
    if (origin === undefined) {
      if (!MARK_SHAPE.test(message.text)) return 'aside';
      return this.wrong('phantom', `${this.deps.room} got a text that was changed on its way`);
    }
    return this.judge(member, message, origin, () => buffer.subarray(at, end));
  }

  private judge(
    member: UnnumberedMember,
    message: ReadMessage,
    origin: Origin,
    bytesOf: () => Buffer,
  ): Taken {
    const { room, nameOf } = this.deps;
    if (origin.to !== room || (message.room !== undefined && message.room !== room)) {
      const to = origin.to === room ? message.room : origin.to;
      return this.wrong('leaked', `${room} got a message that was said to ${to}`);
    }
    const number = origin.number - NUMBERS_FROM;
    if (message.username !== undefined && message.username !== nameOf(origin.client))
      return this.wrong('phantom', `${room} got ${number} as said by ${message.username}`);
    if (message.id !== undefined && message.id !== String(origin.number))
      return this.wrong('phantom', `${room} got ${number} with the id of another message`);
    const entry = this.messages.at(number);
    if (entry === undefined && number <= this.messages.newest) {
      this.uncompared += 1;
      member.takeOld(number);
      return origin.timeUs;
    }
    if (entry === undefined || entry.client !== origin.client)
      return this.wrong('phantom', `${room} got ${number}, which its sender has not said`);
    if (entry.state === 'refused') return this.wrong('phantom', `${room} got ${number}, which was refused`);
    if (entry.length === 0) {
      const bytes = bytesOf();
      if (entry.bytes.length < bytes.length) entry.bytes = Buffer.allocUnsafeSlow(bytes.length + SPARE_BYTES);
      bytes.copy(entry.bytes);
      entry.length = bytes.length;
      entry.timeUs = origin.timeUs;
    }
    member.take(entry);
    return entry.timeUs;
  }

  private wrong(kind: 'phantom' | 'leaked', detail: string): Taken {
    this.deps.findings.add(kind, () => detail);
    return undefined;
  }

  private refused(entry: Said | undefined): SenderProblem | undefined {
    if (entry === undefined) return undefined;
    entry.state = 'refused';
    if (entry.length === 0) return undefined;
    return { kind: 'phantom', detail: `${entry.number} came and was refused` };
  }

  /** The connection of a sender has ended: what nobody has got, or was not answered, may never come. */
  private abandon({ newestSaid }: UnnumberedMember): void {
    const { messages } = this;
    for (let entry = messages.at(newestSaid); entry !== undefined; entry = messages.at(entry.previous)) {
      const isOpen = this.deps.acknowledged ? entry.state === 'unanswered' : entry.length === 0;
      if (!isOpen) return;
      entry.state = 'optional';
    }
  }
}

/** The number in the mark of a text, 0 if there is none. */
function numberIn(buffer: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (buffer[at] !== MARK || buffer[at + TIME_BYTES - 1] !== BLANK)) at += 1;
  at += TIME_BYTES;
  while (at < end && buffer[at] !== BLANK) at += 1;
  let number = 0;
  for (at += 1; at < end; at += 1) {
    const digit = (buffer[at] as number) - 48;
    if (digit < 0 || digit > 9) break;
    number = number * 10 + digit;
  }
  return number > NUMBERS_FROM ? number - NUMBERS_FROM : 0;
}
