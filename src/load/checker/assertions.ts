import type { LogEntry } from './history.ts';
import { endingOf, type Message, type Messages, type Place } from './messages.ts';
import type { Counts, Findings } from './verdict.ts';

/**
 * A client's or the log's claim about one number of one epoch. Two that differ are kept side by side; the end of the
 * run shows which of them was sent.
 */
export interface Assertion extends Place {
  id?: string;
  serverId?: string;
  sender?: string;
  text?: string;
  /** The client that got it first; undefined if only the log or an ack proves the entry. */
  client?: string;
  times: number;
  acked: boolean;
  logged: boolean;
  bare?: true;
  /** Set when all records are in. */
  message?: Message;
  other?: Assertion;
}

/** An ack names only the id, so what is missing matches. */
export type Content = Partial<Omit<LogEntry, keyof Place>>;

export interface Assertions {
  /** The assertion that says the same; the first one made for its number is `first`. */
  at(epoch: string, seq: number, content: Content): { assertion: Assertion; first: boolean };
  firstAt(epoch: string, seq: number): Assertion | undefined;
  epochs(): Iterable<string>;
  of(epoch: string): Iterable<Assertion>;
}

export function createAssertions(): Assertions {
  const byEpoch = new Map<string, Map<number, Assertion>>();
  return {
    at(epoch, seq, content) {
      let bySeq = byEpoch.get(epoch);
      if (!bySeq) {
        bySeq = new Map();
        byEpoch.set(epoch, bySeq);
      }
      const head = bySeq.get(seq);
      if (!head) {
        const assertion = assertionOf(epoch, seq, content);
        bySeq.set(seq, assertion);
        return { assertion, first: true };
      }
      for (let assertion = head; ; assertion = assertion.other) {
        if (agree(assertion, content))
          return { assertion: complete(assertion, content), first: assertion === head };
        if (!assertion.other) {
          assertion.other = assertionOf(epoch, seq, content);
          return { assertion: assertion.other, first: false };
        }
      }
    },
    firstAt: (epoch, seq) => byEpoch.get(epoch)?.get(seq),
    epochs: () => byEpoch.keys(),
    *of(epoch) {
      for (const head of byEpoch.get(epoch)?.values() ?? []) {
        for (let assertion: Assertion | undefined = head; assertion; assertion = assertion.other)
          yield assertion;
      }
    },
  };
}

function assertionOf(epoch: string, seq: number, { id, serverId, sender, text, bare }: Content): Assertion {
  return {
    epoch,
    seq,
    ...(id !== undefined && { id }),
    ...(serverId !== undefined && { serverId }),
    ...(sender !== undefined && { sender }),
    ...(text !== undefined && { text }),
    ...(bare && { bare }),
    times: 0,
    acked: false,
    logged: false,
  };
}

function agree(assertion: Assertion, content: Content): boolean {
  return (
    same(assertion.id, content.id) &&
    same(assertion.serverId, content.serverId) &&
    same(assertion.text, content.text) &&
    same(assertion.sender, content.sender)
  );
}

function same(a: string | undefined, b: string | undefined): boolean {
  return a === b || a === undefined || b === undefined;
}

function complete(assertion: Assertion, { id, serverId, sender, text, bare }: Content): Assertion {
  if (assertion.id === undefined && id !== undefined) assertion.id = id;
  if (assertion.serverId === undefined && serverId !== undefined) assertion.serverId = serverId;
  if (assertion.sender === undefined && sender !== undefined) assertion.sender = sender;
  if (assertion.text === undefined && text !== undefined) assertion.text = text;
  if (bare) assertion.bare = bare;
  return assertion;
}

/** It names a message that was sent to this room, or an entry without a sender. */
export function isGenuine(assertion: Assertion): boolean {
  return assertion.message !== undefined || isNobodys(assertion);
}

function isNobodys({ bare, id, sender }: Assertion): boolean {
  return bare === true && id === undefined && sender === undefined;
}

export function genuineAt(assertions: Assertions, epoch: string, seq: number): Assertion | undefined {
  let assertion = assertions.firstAt(epoch, seq);
  while (assertion && !isGenuine(assertion)) assertion = assertion.other;
  return assertion;
}

/**
 * Finds the message that each assertion stands for. An assertion of something that was never sent, or not to this
 * room, is reported here and left out of all that follows: other clients must not appear to have missed it.
 */
export function judgeAssertions(
  room: string,
  assertions: Assertions,
  messages: Messages,
  counts: Counts,
  findings: Findings,
): void {
  for (const epoch of assertions.epochs()) {
    for (const assertion of assertions.of(epoch)) {
      const { id, sender = '', text = '' } = assertion;
      if (isNobodys(assertion)) continue;
      const message = id === undefined ? messages.like(room, sender, text) : messages.get(id);
      const about = { room, ...problemPlace(assertion) };
      const times = Math.max(1, assertion.times);
      if (!message) {
        counts.phantom += times;
        findings.add({ ...about, kind: 'phantom', detail: 'nobody sent this' }, times);
      } else if (message.room !== room) {
        counts.leaked += times;
        findings.add({ ...about, kind: 'leaked', detail: `was sent to ${message.room}` }, times);
      } else if (!same(assertion.text, message.text) || !same(assertion.sender, message.sender)) {
        counts.phantom += times;
        const what = same(assertion.text, message.text) ? 'sender' : 'text';
        findings.add({ ...about, kind: 'phantom', detail: `was not sent with this ${what}` }, times);
      } else {
        assertion.message = message;
        message.places.push(assertion);
        if (endingOf(message) === 'refused') {
          findings.add({ ...about, kind: 'fail-delivered', detail: 'its sender got a refusal' }, times);
        }
      }
    }
  }
}

export function problemPlace({ epoch, seq, id, client }: Assertion) {
  return { epoch, seq, ...(id !== undefined && { id }), ...(client !== undefined && { client }) };
}
