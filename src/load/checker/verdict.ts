/** The kinds of faults that a run can show. */
export const PROBLEM_KINDS = [
  /** A member should have got a message and never did. */
  'lost',
  /** One message, or one position, twice to one client. */
  'repeated',
  /** A message came after a later one. */
  'swapped',
  /** A message arrived that nobody sent, or not with this text or sender. */
  'phantom',
  /** A message reached a room it was not sent to, or a client that was not a member. */
  'leaked',
  /** A number that no message has, though the log reaches it or a member expected it. */
  'hole',
  /** Two messages under one number of one epoch. */
  'reused-seq',
  /** One message under two numbers. */
  'stored-twice',
  /** Acked or delivered, but the log does not have it where it should. */
  'not-in-log',
  /** The log has another message there than the clients saw. */
  'log-mismatch',
  /** A room with acks whose log was not read. */
  'no-log',
  /** Stored after a message that was invoked only when this one was acked already. */
  'real-time',
  /** The same, both of one sender. */
  'sender-order',
  /** A refused message was stored or delivered. */
  'fail-delivered',
  /** A live message at or below the join's seq. */
  'before-join',
  /** An epoch came back after a newer one. */
  'epoch-returned',
  /** A client held messages that the store lost, and got no report. */
  'silent-epoch',
  /** A gap was sent for messages that the log still has. */
  'false-gap',
  /** Acked, then lost by the store itself. */
  'store-lost',
  /** Records that contradict each other: the recorder is wrong, so nothing else is proved. */
  'bad-history',
] as const;

export type ProblemKind = (typeof PROBLEM_KINDS)[number];

export interface Problem {
  readonly kind: ProblemKind;
  readonly room: string;
  readonly client?: string;
  readonly epoch?: string;
  readonly seq?: number;
  readonly id?: string;
  readonly detail: string;
}

/** Numbers of messages, if nothing else is stated. */
export interface Counts {
  acked: number;
  /** Neither acked nor definitely refused. */
  unknown: number;
  refused: number;
  /** Deliveries that members should get, by number. */
  expected: number;
  /** Deliveries to apps, live and replayed. */
  delivered: number;
  lost: number;
  repeated: number;
  swapped: number;
  phantom: number;
  leaked: number;
  /** Raw arrivals that the SDK dropped. */
  dupDropped: number;
  /** Acks that carried an earlier answer. */
  dupAcked: number;
  replayed: number;
  resumed: number;
  /** Resumes that were answered with `recovered: false`. */
  unrecovered: number;
  gaps: number;
  /** Deliveries no longer expected, because a gap or `recovered: false` reported them. */
  waived: number;
  /** Acked messages that the store itself lost. */
  storeLost: number;
  /** Connections lost. */
  cuts: number;
}

export interface RoomVerdict {
  readonly room: string;
  readonly counts: Counts;
}

export interface Verdict {
  readonly counts: Counts;
  readonly rooms: readonly RoomVerdict[];
  /** The first of each kind; `problemCounts` has them all. */
  readonly problems: readonly Problem[];
  readonly problemCounts: Readonly<Partial<Record<ProblemKind, number>>>;
  /** `inconclusive`: no message was acked or none delivered, so a clean record proves nothing. */
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
  readonly ok: boolean;
}

export function zeroCounts(): Counts {
  return {
    acked: 0,
    unknown: 0,
    refused: 0,
    expected: 0,
    delivered: 0,
    lost: 0,
    repeated: 0,
    swapped: 0,
    phantom: 0,
    leaked: 0,
    dupDropped: 0,
    dupAcked: 0,
    replayed: 0,
    resumed: 0,
    unrecovered: 0,
    gaps: 0,
    waived: 0,
    storeLost: 0,
    cuts: 0,
  };
}

export function sumCounts(all: Iterable<Counts>): Counts {
  const sum = zeroCounts();
  for (const counts of all) {
    for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += counts[name];
  }
  return sum;
}

/** Judged from what was acked, delivered and found. */
export function outcomeOf(counts: Counts, problems: number): Verdict['outcome'] {
  if (problems > 0) return 'fail';
  return counts.acked === 0 || counts.delivered === 0 ? 'inconclusive' : 'pass';
}

/** Keeps the first problems of each kind and counts all: a run that loses everything must not fill the memory. */
export interface Findings {
  add(problem: Problem, times?: number): void;
  readonly problems: readonly Problem[];
  readonly problemCounts: Partial<Record<ProblemKind, number>>;
}

export function createFindings(keptPerKind: number): Findings {
  const problems: Problem[] = [];
  const problemCounts: Partial<Record<ProblemKind, number>> = {};
  const kept = new Map<ProblemKind, number>();
  return {
    problems,
    problemCounts,
    add(problem, times = 1) {
      const { kind } = problem;
      problemCounts[kind] = (problemCounts[kind] ?? 0) + times;
      const keptSoFar = kept.get(kind) ?? 0;
      if (keptSoFar >= keptPerKind) return;
      kept.set(kind, keptSoFar + 1);
      problems.push(problem);
    },
  };
}
