import { type Assertion, type Assertions, isGenuine, problemPlace } from './assertions.ts';
import { type Epochs, topOf } from './epochs.ts';
import type { FinalLog } from './history.ts';
import { includes } from './interval-set.ts';
import { endingOf, type Message, type Messages } from './messages.ts';
import type { Stream } from './stream.ts';
import type { Counts, Findings } from './verdict.ts';

export interface LogCheckDeps {
  readonly room: string;
  readonly assertions: Assertions;
  readonly epochs: Epochs;
  readonly log: FinalLog | undefined;
  readonly findings: Findings;
  /** Numbers reported as holes already: a message that nobody has is missing at every member. */
  readonly holes: Set<string>;
}

/** Checks the log itself: its numbers are dense, and its epochs follow one another. */
export function checkLog({ room, log, findings, holes }: LogCheckDeps): void {
  const entries = log?.entries ?? [];
  const ended = new Set<string>();
  for (let at = 1; at < entries.length; at += 1) {
    const [before, entry] = [entries[at - 1], entries[at]];
    if (!before || !entry) continue;
    const { epoch, seq } = entry;
    if (epoch !== before.epoch) {
      ended.add(before.epoch);
      if (ended.has(epoch)) {
        findings.add({ kind: 'epoch-returned', room, epoch, seq, detail: 'the log goes back to this epoch' });
      }
    }
    if (seq <= before.seq) {
      findings.add({ kind: 'log-mismatch', room, epoch, seq, detail: `the log has it after ${before.seq}` });
    } else if (epoch === before.epoch) {
      for (let missing = before.seq + 1; missing < seq; missing += 1) {
        holes.add(`${epoch} ${missing}`);
        findings.add({ kind: 'hole', room, epoch, seq: missing, detail: 'the log has no such number' });
      }
    }
  }
}

/** Compares what clients saw with the log, as far back as it reaches. */
export function checkPositions({ room, assertions, epochs, log, findings }: LogCheckDeps): void {
  const top = log ? topOf(log) : 0;
  const first = log?.entries[0]?.seq ?? top + 1;
  for (const epoch of assertions.epochs()) {
    for (const head of assertions.of(epoch)) {
      if (assertions.firstAt(epoch, head.seq) !== head) continue;
      const genuine = genuineFrom(head);
      const logged = genuine.find((assertion) => assertion.logged);
      for (const assertion of genuine.slice(1)) {
        const kind =
          logged && !(assertion.logged && genuine[0]?.logged) && !bothTold(genuine)
            ? 'log-mismatch'
            : 'reused-seq';
        const detail = `also stands for ${genuine[0]?.id ?? genuine[0]?.serverId}`;
        findings.add({ ...problemPlace(assertion), room, kind, detail });
      }
      const [assertion] = genuine;
      const reached = head.seq >= first;
      if (assertion && log && reached && !logged && !epochs.isVoid(head)) {
        const detail = assertion.acked ? 'was acked' : 'was delivered';
        findings.add({ ...problemPlace(assertion), room, kind: 'not-in-log', detail });
      }
    }
  }
}

function genuineFrom(head: Assertion): Assertion[] {
  const genuine: Assertion[] = [];
  for (let assertion: Assertion | undefined = head; assertion; assertion = assertion.other)
    if (isGenuine(assertion)) genuine.push(assertion);
  return genuine;
}

function bothTold(assertions: readonly Assertion[]): boolean {
  return assertions.filter(({ acked, times }) => acked || times > 0).length > 1;
}

export interface StorageDeps {
  readonly messages: Messages;
  /** Undefined for a room without records. */
  readonly epochsOf: (room: string) => Epochs | undefined;
  readonly streamsOf: (room: string) => Iterable<Stream>;
  readonly countsOf: (room: string) => Counts;
  readonly storeMayLose: boolean;
  readonly findings: Findings;
}

/** Checks that each message stands in one place; an acked one may leave it only if the store lost its tail. */
export function checkStorage({
  messages,
  epochsOf,
  streamsOf,
  countsOf,
  storeMayLose,
  findings,
}: StorageDeps): void {
  for (const message of messages.all()) {
    const { room, id, places } = message;
    const epochs = epochsOf(room);
    if (!epochs || places.length === 0) continue;
    const kept = places.filter((place) => !epochs.isVoid(place));
    if (kept.length === 0 && endingOf(message) === 'acked') {
      countsOf(room).storeLost += 1;
      if (!storeMayLose) {
        findings.add({
          kind: 'store-lost',
          room,
          id,
          ...placeOf(message),
          detail: 'acked, then voided by a new epoch',
        });
      }
    }
    const again = kept.sort(epochs.compare)[1];
    if (!again) continue;
    const detail = `first at ${kept[0]?.seq}`;
    findings.add({ kind: 'stored-twice', room, id, epoch: again.epoch, seq: again.seq, detail });
    for (const { client, got } of streamsOf(room)) {
      const had = kept.filter(({ epoch, seq }) => includes(got.get(epoch) ?? NOTHING, seq));
      for (const { epoch, seq } of had.slice(1)) {
        countsOf(room).repeated += 1;
        findings.add({
          kind: 'repeated',
          room,
          client,
          epoch,
          seq,
          id,
          detail: `came as ${had[0]?.seq} before`,
        });
      }
    }
  }
}

const NOTHING = { starts: [], ends: [] };

function placeOf({ places }: Message) {
  const [place] = places;
  return place ? { epoch: place.epoch, seq: place.seq } : {};
}
