import type { LiveFindings } from './findings.ts';
import type { RecentMessages, Said } from './recent-messages.ts';

/** The losses that one member remembers, to tell a late message from a lost one. */
const REMEMBERED = 256;

export interface UnnumberedMemberDeps {
  /** Its place among the members of the room. */
  readonly index: number;
  readonly client: number;
  readonly room: string;
  readonly messages: RecentMessages;
  readonly findings: LiveFindings;
  /** Two members got two messages in different orders. */
  readonly differs: (times: number, words: () => string) => void;
}

/**
 * One client in a room of a server that numbers nothing. Plain fields in a class, because there are thousands of
 * members and every delivery goes through here.
 */
export class UnnumberedMember {
  readonly index: number;
  readonly client: number;
  /** The newest message that it said itself; 0: none. */
  newestSaid = 0;
  /** It must get the messages from this number on. */
  private owedFrom = Number.POSITIVE_INFINITY;
  private isIn = false;
  private lastRank = 0;
  private lastRanked = 0;
  /** Counted as lost, because a later message of the same sender came. */
  private lost: number[] = [];
  /** Messages that the room no longer knows one by one, and that had not come. */
  private late: number[] = [];
  /** The number of such messages beyond those that are remembered. */
  private forgotten = 0;
  private readonly deps: UnnumberedMemberDeps;

  constructor(deps: UnnumberedMemberDeps) {
    this.deps = deps;
    this.index = deps.index;
    this.client = deps.client;
  }

  /**
   * A membership begins. An unconfirmed one counts from the first message on that the member gets, or from `owe` on:
   * before that nobody knows if the server has worked on the join yet.
   */
  begin(isConfirmed: boolean): void {
    this.isIn = true;
    this.owedFrom = isConfirmed ? this.deps.messages.newest + 1 : Number.POSITIVE_INFINITY;
    this.lastRank = 0;
    this.lost = [];
    this.late = [];
    this.forgotten = 0;
  }

  owe(): void {
    if (this.isIn) this.owedFrom = Math.min(this.owedFrom, this.deps.messages.newest + 1);
  }

  /** The membership ends: what is missing may have been on its way. */
  away(): void {
    this.isIn = false;
    this.owedFrom = Number.POSITIVE_INFINITY;
  }

  take(entry: Said): void {
    const { index, deps } = this;
    const { messages, findings } = deps;
    const { number, client } = entry;
    const isOwed = number >= this.owedFrom;
    if (messages.has(entry, index)) {
      // A new membership may begin with messages of the last one.
      if (isOwed) findings.add('repeated', () => `${this.who} got ${number} of client ${client} again`);
      return;
    }
    messages.receive(entry, index);
    this.owe();
    if (!isOwed) return;
    const doubts = entry.doubts?.get(index) ?? 0;
    if (doubts > 0) deps.differs(doubts, () => `${this.who} got ${number} in another order than others`);
    if (this.cameAfterNext(entry)) return;
    this.noteGap(entry);
    this.rank(entry);
  }

  /** A message that is no longer known by itself. One that came before does not stand for another that did not. */
  takeOld(number: number): void {
    if (number < this.owedFrom) return;
    const at = this.late.indexOf(number);
    if (at >= 0) this.late.splice(at, 1);
    else if (this.forgotten > 0 && number > (this.late.at(-1) ?? 0)) this.forgotten -= 1;
  }

  /** An owed message is no longer known by itself; if it has not come, it counts. */
  forget(entry: Said): void {
    if (!this.isMissing(entry)) return;
    const { number } = entry;
    const at = this.lost.indexOf(number);
    if (at >= 0) this.lost.splice(at, 1);
    // The oldest are remembered, as what is late comes in the order in which it was said.
    else if (this.forgotten === 0 && this.late.length < REMEMBERED) this.late.push(number);
    else this.forgotten += 1;
  }

  /** It is in the room since before the message, and has not got it. */
  isMissing(entry: Said): boolean {
    return entry.number >= this.owedFrom && !this.deps.messages.has(entry, this.index);
  }

  /** The number of messages that have not come and are not counted as lost yet. */
  lacks(): number {
    if (!this.isIn) return 0;
    const { owedFrom, index } = this;
    const { messages } = this.deps;
    let lacks = this.late.length + this.forgotten;
    for (let number = Math.max(owedFrom, messages.oldest); number <= messages.newest; number += 1) {
      const entry = messages.at(number);
      if (entry?.state === 'owed' && !messages.has(entry, index) && !this.lost.includes(number)) lacks += 1;
    }
    return lacks;
  }

  /** Nothing comes any more. */
  end(): void {
    const lacks = this.lacks();
    if (lacks > 0)
      this.deps.findings.add('lost', () => `${this.who} never got ${lacks} of its messages`, lacks);
    this.away();
  }

  private get who(): string {
    return `client ${this.client} in ${this.deps.room}`;
  }

  /** True if its sender's next message has come before it. */
  private cameAfterNext({ number, next, state, client }: Said): boolean {
    const { lost, index } = this;
    const { messages, findings } = this.deps;
    const at = lost.indexOf(number);
    if (at >= 0) {
      lost.splice(at, 1);
      findings.notLost();
    } else {
      const following = messages.at(next);
      if (following === undefined || !messages.has(following, index)) return false;
    }
    // One that was said on a connection that has ended may come at any time.
    if (state !== 'optional')
      findings.add('swapped', () => `${this.who} got ${number} of client ${client} after ${next}`);
    return true;
  }

  /** The message before it of the same sender has not come. */
  private noteGap({ number, previous, client }: Said): void {
    const { lost, index } = this;
    const { messages, findings } = this.deps;
    const entry = messages.at(previous);
    if (entry?.state !== 'owed' || previous < this.owedFrom || messages.has(entry, index)) return;
    if (lost.length >= REMEMBERED || lost.includes(previous)) return;
    lost.push(previous);
    findings.add('lost', () => `${this.who} got ${number} of client ${client} without ${previous}`);
  }

  /**
   * Compares the order with that of first arrivals. If X came to somebody before Y came to anybody, who got Y after
   * all, and this member gets X after Y, then the two have different orders.
   */
  private rank(entry: Said): void {
    const { index } = this;
    const { messages, differs } = this.deps;
    if (entry.rank === 0) {
      entry.rank = messages.nextRank();
      entry.rankedBy = index;
    } else if (entry.rank < this.lastRank) {
      const later = messages.at(this.lastRanked);
      if (later === undefined) return;
      if (messages.has(later, entry.rankedBy)) {
        differs(1, () => `${this.who} got ${entry.number} after ${later.number}, others before it`);
        return;
      }
      later.doubts ??= new Map();
      later.doubts.set(entry.rankedBy, (later.doubts.get(entry.rankedBy) ?? 0) + 1);
      return;
    }
    this.lastRank = entry.rank;
    this.lastRanked = entry.number;
  }
}
