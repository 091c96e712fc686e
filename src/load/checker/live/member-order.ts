import type { LiveFindings } from './findings.ts';

/** The missing numbers that one member remembers, to tell a late message from a repeated one. */
const REMEMBERED = 256;

/**
 * The order in which one member gets a room's messages: each number one above the last. Plain fields in a class,
 * because there are thousands of members and every delivery goes through here.
 */
export class MemberOrder {
  /** The number of the newest message. */
  last = 0;
  private readonly who: string;
  private readonly findings: LiveFindings;
  private missing: number[] = [];

  constructor(who: string, findings: LiveFindings) {
    this.who = who;
    this.findings = findings;
  }

  take(number: number): void {
    if (number === this.last + 1) this.last = number;
    else this.misplaced(number);
  }

  /** A new membership: the next message is the one after `last`. */
  begin(last: number): void {
    this.last = last;
    this.missing = [];
  }

  /** A membership of which no position is known: it begins with whatever message comes first. */
  beginAnywhere(): void {
    this.begin(Number.NaN);
  }

  /** The server reports that what lies below `next` cannot be had. Returns how many messages that waives. */
  skipTo(next: number): number {
    const waived = Math.max(0, next - 1 - this.last);
    this.begin(next - 1);
    return waived;
  }

  /** Nothing up to `top`, the room's newest message, comes any more: the run has ended, or a resume is answered. */
  end(top: number): void {
    const lacks = top - this.last;
    if (!(lacks > 0)) return;
    this.findings.add('lost', () => `${this.who} never got the last ${lacks}, up to ${top}`, lacks);
    this.last = top;
  }

  private misplaced(number: number): void {
    const { last, who, findings } = this;
    if (Number.isNaN(last)) {
      this.last = number;
      return;
    }
    if (number > last) {
      findings.add('lost', () => `${who} got ${number} after ${last}`, number - last - 1);
      for (let each = Math.max(last + 1, number - REMEMBERED); each < number; each += 1)
        this.missing.push(each);
      this.missing.splice(0, this.missing.length - REMEMBERED);
      this.last = number;
      return;
    }
    const at = this.missing.indexOf(number);
    if (at < 0) {
      findings.add('repeated', () => `${who} got ${number} again, after ${last}`);
      return;
    }
    this.missing.splice(at, 1);
    findings.notLost();
    findings.add('swapped', () => `${who} got ${number} after ${last}`);
  }
}
