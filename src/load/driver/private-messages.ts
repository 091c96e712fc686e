import { NUMBERS_FROM, originOf, textOf } from '../checker/live/origin-text.ts';
import type { Client } from './client.ts';
import type { Clock } from './clock.ts';
import type { Dialect, Meaning } from './dialect.ts';
import { type Ledger, record } from './ledger.ts';

/** The arrivals of one user that may still wait for their acks. */
const REMEMBERED = 256;
/** The most events of one client that may be unanswered: a server that does not answer must not fill the memory. */
const UNANSWERED = 64;

export interface PrivateDeps {
  readonly dialect: Dialect;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** The length of the next text. */
  readonly nextTextBytes: () => number;
  readonly nameOf: (id: number) => string;
}

/** Judges what users get into their inboxes: what was acked, once, in order, and for nobody else. */
export interface PrivateCheck {
  /** A connection begins; the inbox reaches up to `top`. */
  begin(client: Client, top: number): void;
  take(client: Client, message: NonNullable<Meaning['privateMessage']>): void;
  /** Says something from one client to another of this process. False: one of them is away, or `from` waits for too many answers. */
  say(from: Client, to: Client, dueUs: number): boolean;
  /** The number of acked messages that a connected user has not got yet. */
  lacks(client: Client): number;
  /** The run has ended. */
  end(client: Client): void;
}

/** One user's inbox. Own messages take positions in it too, so its numbers rise, but not by one. */
interface Inbox {
  /** The newest position before the present connection. */
  base: number;
  last: number;
  /** Acked to their senders and not here yet. */
  readonly owed: Set<number>;
  /** Here and not acked yet. */
  early: number[];
}

export function createPrivateCheck(deps: PrivateDeps): PrivateCheck {
  const { dialect, ledger, clock, nextTextBytes, nameOf } = deps;
  const inboxes = new Map<string, Inbox>();
  let said = NUMBERS_FROM;

  function inboxOf(name: string): Inbox {
    const inbox = inboxes.get(name) ?? { base: 0, last: 0, owed: new Set(), early: [] };
    inboxes.set(name, inbox);
    return inbox;
  }

  function acked(to: Client, seq: number): void {
    const inbox = inboxOf(to.name);
    if (!to.joined || seq <= inbox.base) return;
    const at = inbox.early.indexOf(seq);
    if (at < 0) inbox.owed.add(seq);
    else inbox.early.splice(at, 1);
  }

  function lacks({ name, joined }: Client): number {
    return joined ? inboxOf(name).owed.size : 0;
  }

  return {
    begin({ name }, top) {
      const inbox = inboxOf(name);
      inbox.base = Math.max(top, inbox.last);
      inbox.last = inbox.base;
      // The messages from the user's absence lie in the list of unread ones.
      inbox.owed.clear();
      inbox.early = [];
    },
    take({ name }, { number, to, message }) {
      ledger.delivered += 1;
      ledger.privateDelivered += 1;
      const origin = originOf(message.text);
      if (origin === undefined || (message.username ?? nameOf(origin.client)) !== nameOf(origin.client)) {
        ledger.findings.add('phantom', () => `${name} got ${number} into the inbox, which nobody said so`);
        return;
      }
      if (to !== name || origin.to !== name) {
        ledger.findings.add('leaked', () => `${name} got what was said to ${origin.to}`);
        return;
      }
      record(ledger.deliverUs, clock() - origin.timeUs);
      const inbox = inboxOf(name);
      const wasOwed = inbox.owed.delete(number);
      if (number <= inbox.last) {
        const kind = wasOwed ? 'swapped' : 'repeated';
        ledger.findings.add(kind, () => `${name} got ${number} into the inbox after ${inbox.last}`);
        return;
      }
      inbox.last = number;
      if (!wasOwed) inbox.early.push(number);
      if (inbox.early.length > REMEMBERED) inbox.early.shift();
    },
    say(from, to, dueUs) {
      if (dialect.sayPrivately === undefined) return false;
      if (!from.joined || !to.joined || from === to || from.unansweredAsks >= UNANSWERED) return false;
      said += 1;
      const text = textOf(
        { timeUs: dueUs, client: from.spec.id, number: said, to: to.name },
        nextTextBytes(),
      );
      ledger.sent += 1;
      ledger.privateSent += 1;
      from.ask(dialect.sayPrivately(to.name, text, `p${said}`), (answer) => {
        const [{ ok, seq, error }] = JSON.parse(answer);
        if (ok) {
          ledger.acked += 1;
          acked(to, seq);
        } else ledger.refuse(error?.code ?? 'refused');
        record(ledger.ackUs, clock() - dueUs);
      });
      return true;
    },
    lacks,
    end(client) {
      const times = lacks(client);
      if (times === 0) return;
      ledger.findings.add('lost', () => `${client.name} never got ${times} into the inbox`, times);
      inboxOf(client.name).owed.clear();
    },
  };
}
