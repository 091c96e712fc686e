import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { createLiveFindings, type LiveFindings } from '../checker/live/findings.ts';
import type { RoomBlock } from '../checker/live/room-blocks.ts';
import type { Faults, ShareFigures, Window } from './orders.ts';

const WORDS = 5;
const LONGEST_US = 600_000_000;

export function createHistogram(): Histogram {
  return build({ bitBucketSize: 32, highestTrackableValue: LONGEST_US, numberOfSignificantValueDigits: 3 });
}

export function record(histogram: Histogram, us: number, times = 1): void {
  histogram.recordValueWithCount(us < 1 ? 1 : us > LONGEST_US ? LONGEST_US : Math.floor(us), times);
}

/** The work of one server: of a URL, or of a worker behind it if the server names it. */
export class Share {
  readonly server: number;
  readonly worker: number | undefined;
  clients = 0;
  delivered = 0;
  acked = 0;
  refused = 0;

  constructor(server: number, worker: number | undefined) {
    this.server = server;
    this.worker = worker;
  }
}

/** The sums of a window; `mark` begins each at zero again. */
const SUMMED = [
  'sent',
  'unsaid',
  'acked',
  'delivered',
  'privateSent',
  'privateDelivered',
  'asideMessages',
  'asideBytes',
  'timeless',
  'bytesRead',
  'joined',
  'cutInWindow',
  'resumed',
  'reportedGone',
] as const;

/** The counts of all clients of one driver process. Plain fields: they change at every message. */
export class Ledger {
  delivered = 0;
  sent = 0;
  unsaid = 0;
  acked = 0;
  privateSent = 0;
  privateDelivered = 0;
  asideMessages = 0;
  asideBytes = 0;
  timeless = 0;
  bytesRead = 0;
  joined = 0;
  resumed = 0;
  reportedGone = 0;
  readonly refused = new Map<string, number>();
  readonly failedConnections = new Map<string, number>();
  readonly deliverUs = createHistogram();
  readonly ackUs = createHistogram();
  readonly joinUs = createHistogram();
  /** From when a message was due to when it was sent, unless unanswered ones held it back. */
  readonly lagUs = createHistogram();
  readonly loopDelayUs = createHistogram();
  readonly findings: LiveFindings = createLiveFindings();
  cut = 0;
  cutInWindow = 0;
  private readonly shares = new Map<string, Share>();
  private readonly words: string[] = [];
  private sinceMs = performance.now();
  private sinceCpu = process.cpuUsage();

  fault(words: string): void {
    if (this.words.length < WORDS) this.words.push(words);
  }

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  failConnection(reason: string): void {
    this.failedConnections.set(reason, (this.failedConnections.get(reason) ?? 0) + 1);
  }

  shareOf(server: number, worker: number | undefined): Share {
    const key = `${server} ${worker}`;
    const share = this.shares.get(key) ?? new Share(server, worker);
    this.shares.set(key, share);
    return share;
  }

  faults(): Faults {
    const { lost, repeated, swapped, phantom, leaked } = this.findings.counts;
    const words = [...this.words, ...this.findings.kept.map(({ detail }) => detail)].slice(0, WORDS);
    return { lost, again: repeated + swapped, foreign: phantom + leaked, cut: this.cut, words };
  }

  /** The window that ends now; the next one begins. */
  mark(backlog: number, blocks: readonly RoomBlock[]): Window {
    const cpu = process.cpuUsage(this.sinceCpu);
    const sums = Object.fromEntries(SUMMED.map((name) => [name, this[name]])) as Record<
      (typeof SUMMED)[number],
      number
    >;
    const window: Window = {
      ...sums,
      elapsedMs: performance.now() - this.sinceMs,
      cpuNs: (cpu.user + cpu.system) * 1e3,
      rssBytes: process.memoryUsage.rss(),
      backlog,
      refused: Object.fromEntries(this.refused),
      failedConnections: Object.fromEntries(this.failedConnections),
      deliverUs: encodeIntoCompressedBase64(this.deliverUs),
      ackUs: encodeIntoCompressedBase64(this.ackUs),
      joinUs: encodeIntoCompressedBase64(this.joinUs),
      lagUs: encodeIntoCompressedBase64(this.lagUs),
      loopDelayUs: encodeIntoCompressedBase64(this.loopDelayUs),
      wrong: { ...this.findings.counts },
      blocks,
      shares: [...this.shares.values()]
        .filter(({ clients, delivered }) => clients > 0 || delivered > 0)
        .map((share): ShareFigures => ({ ...share })),
    };
    for (const name of SUMMED) this[name] = 0;
    this.refused.clear();
    this.failedConnections.clear();
    for (const histogram of [this.deliverUs, this.ackUs, this.joinUs, this.lagUs, this.loopDelayUs])
      histogram.reset();
    this.sinceMs = performance.now();
    this.sinceCpu = process.cpuUsage();
    return window;
  }
}
