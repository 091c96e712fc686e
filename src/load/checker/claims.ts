import { endingOf, type Message, type Messages, type Place } from './messages.ts';
import type { Counts, Findings } from './verdict.ts';

/**
 * What the clients and the log say stands at one number of one epoch. One claim is right; two that differ are
 * kept side by side, and it is judged at the end which of them anybody sent.
 */
export interface Claim extends Place {
  id?: string;
  serverId?: string;
  sender?: string;
  text?: string;
  /** Who got it first; nobody if only the log or an ack says so. */
  client?: string;
  times: number;
  acked: boolean;
  logged: boolean;
  bare?: true;
  /** Set when all records are in. */
  message?: Message;
  other?: Claim;
}

/** An ack names only the id, so what is missing matches. */
export interface Content {
  readonly id?: string;
  readonly serverId?: string;
  readonly sender?: string;
  readonly text?: string;
  readonly bare?: true;
}

export interface Claims {
  /** The claim that says the same; the first one made for its number is `first`. */
  at(epoch: string, seq: number, content: Content): { claim: Claim; first: boolean };
  firstAt(epoch: string, seq: number): Claim | undefined;
  epochs(): Iterable<string>;
  of(epoch: string): Iterable<Claim>;
}

export function createClaims(): Claims {
  const byEpoch = new Map<string, Map<number, Claim>>();
  return {
    at(epoch, seq, content) {
      let bySeq = byEpoch.get(epoch);
      if (!bySeq) {
        bySeq = new Map();
        byEpoch.set(epoch, bySeq);
      }
      const head = bySeq.get(seq);
      if (!head) {
        const claim = claimOf(epoch, seq, content);
        bySeq.set(seq, claim);
        return { claim, first: true };
      }
      for (let claim = head; ; claim = claim.other) {
        if (agree(claim, content)) return { claim: complete(claim, content), first: claim === head };
        if (!claim.other) {
          claim.other = claimOf(epoch, seq, content);
          return { claim: claim.other, first: false };
        }
      }
    },
    firstAt: (epoch, seq) => byEpoch.get(epoch)?.get(seq),
    epochs: () => byEpoch.keys(),
    *of(epoch) {
      for (const head of byEpoch.get(epoch)?.values() ?? []) {
        for (let claim: Claim | undefined = head; claim; claim = claim.other) yield claim;
      }
    },
  };
}

function claimOf(epoch: string, seq: number, { id, serverId, sender, text, bare }: Content): Claim {
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

function agree(claim: Claim, content: Content): boolean {
  return (
    same(claim.id, content.id) &&
    same(claim.serverId, content.serverId) &&
    same(claim.text, content.text) &&
    same(claim.sender, content.sender)
  );
}

function same(a: string | undefined, b: string | undefined): boolean {
  return a === b || a === undefined || b === undefined;
}

function complete(claim: Claim, { id, serverId, sender, text, bare }: Content): Claim {
  if (claim.id === undefined && id !== undefined) claim.id = id;
  if (claim.serverId === undefined && serverId !== undefined) claim.serverId = serverId;
  if (claim.sender === undefined && sender !== undefined) claim.sender = sender;
  if (claim.text === undefined && text !== undefined) claim.text = text;
  if (bare) claim.bare = bare;
  return claim;
}

/** It names a message somebody sent to this room, or is an entry for which nobody can be named. */
export function isGenuine(claim: Claim): boolean {
  return claim.message !== undefined || isNobodys(claim);
}

function isNobodys({ bare, id, sender }: Claim): boolean {
  return bare === true && id === undefined && sender === undefined;
}

export function genuineAt(claims: Claims, epoch: string, seq: number): Claim | undefined {
  let claim = claims.firstAt(epoch, seq);
  while (claim && !isGenuine(claim)) claim = claim.other;
  return claim;
}

/**
 * Finds for each claim the message it stands for. What nobody sent, or not to this room, is named here and
 * takes part in nothing that follows: it must not make other clients look as if they missed it.
 */
export function judgeClaims(
  room: string,
  claims: Claims,
  messages: Messages,
  counts: Counts,
  findings: Findings,
): void {
  for (const epoch of claims.epochs()) {
    for (const claim of claims.of(epoch)) {
      const { id, sender = '', text = '' } = claim;
      if (isNobodys(claim)) continue;
      const message = id === undefined ? messages.like(room, sender, text) : messages.get(id);
      const about = { room, ...aboutOf(claim) };
      const times = Math.max(1, claim.times);
      if (!message) {
        counts.phantom += times;
        findings.add({ ...about, kind: 'phantom', detail: 'nobody sent this' }, times);
      } else if (message.room !== room) {
        counts.leaked += times;
        findings.add({ ...about, kind: 'leaked', detail: `was sent to ${message.room}` }, times);
      } else if (!same(claim.text, message.text) || !same(claim.sender, message.sender)) {
        counts.phantom += times;
        const what = same(claim.text, message.text) ? 'sender' : 'text';
        findings.add({ ...about, kind: 'phantom', detail: `was not sent with this ${what}` }, times);
      } else {
        claim.message = message;
        message.places.push(claim);
        if (endingOf(message) === 'refused') {
          findings.add(
            { ...about, kind: 'fail-delivered', detail: 'its sender was told it is refused' },
            times,
          );
        }
      }
    }
  }
}

export function aboutOf({ epoch, seq, id, client }: Claim) {
  return { epoch, seq, ...(id !== undefined && { id }), ...(client !== undefined && { client }) };
}
