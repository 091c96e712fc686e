import { NUMBERS_FROM, originOf, textOf } from '../checker/live/origin-text.ts';
import type { Client } from './client.ts';
import type { Clock } from './clock.ts';
import type { Dialect, Meaning } from './dialects.ts';
import { type Ledger, record } from './ledger.ts';

export interface PrivateDeps {
  readonly dialect: Dialect;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly textBytes: number;
  readonly nameOf: (id: number) => string;
}

/** Judges what users get into their inboxes: each position once and in order, for nobody else. */
export interface PrivateCheck {
  /** A connection begins; the inbox reaches up to `top`. */
  begin(client: Client, top?: number): void;
  take(client: Client, message: NonNullable<Meaning['privateMessage']>): void;
  /** Says something from one client to another. False: the sender is away. */
  say(from: Client, to: Client, dueUs: number): boolean;
  /** How many acked messages a connected user has not got yet. */
  lacks(client: Client): number;
  /** The run has ended. */
  end(client: Client): void;
}

export function createPrivateCheck(deps: PrivateDeps): PrivateCheck {
  const { dialect, ledger, clock, textBytes, nameOf } = deps;
  /** The newest position that each user has, and the newest that an ack named. */
  const tops = new Map<string, number>();
  const acked = new Map<string, number>();
  let said = NUMBERS_FROM;

  function lacks({ name, joined }: Client): number {
    return joined ? Math.max(0, (acked.get(name) ?? 0) - (tops.get(name) ?? 0)) : 0;
  }

  return {
    begin({ name }, top) {
      if (top !== undefined) tops.set(name, Math.max(top, tops.get(name) ?? 0));
    },
    take({ name }, { number, to, message }) {
      ledger.delivered += 1;
      ledger.privateDelivered += 1;
      const origin = originOf(message.text, textBytes);
      if (origin === undefined || (message.username ?? nameOf(origin.client)) !== nameOf(origin.client)) {
        ledger.findings.add('phantom', () => `${name} got ${number} into the inbox, which nobody said so`);
        return;
      }
      if (to !== name || origin.to !== name) {
        ledger.findings.add('leaked', () => `${name} got what was said to ${origin.to}`);
        return;
      }
      const top = tops.get(name);
      tops.set(name, Math.max(number, top ?? 0));
      record(ledger.deliverUs, clock() - origin.timeUs);
      if (top === undefined || number === top + 1) return;
      const detail = () => `${name} got ${number} into the inbox after ${top}`;
      if (number > top) ledger.findings.add('lost', detail, number - top - 1);
      else ledger.findings.add('repeated', detail);
    },
    say(from, to, dueUs) {
      if (!from.joined || dialect.sayPrivately === undefined) return false;
      said += 1;
      const id = `p${said}`;
      const text = textOf({ timeUs: dueUs, client: from.spec.id, number: said, to: to.name }, textBytes);
      ledger.sent += 1;
      ledger.privateSent += 1;
      from.ask(dialect.sayPrivately(to.name, text, id), (answer) => {
        const [{ ok, seq, error }] = JSON.parse(answer);
        if (ok) {
          ledger.acked += 1;
          acked.set(to.name, Math.max(seq, acked.get(to.name) ?? 0));
        } else ledger.refuse(error?.code ?? 'refused');
        record(ledger.ackUs, clock() - dueUs);
      });
      return true;
    },
    lacks,
    end(client) {
      const times = lacks(client);
      if (times === 0) return;
      ledger.findings.add('lost', () => `${client.name} never got the last ${times} into the inbox`, times);
      tops.set(client.name, acked.get(client.name) ?? 0);
    },
  };
}
