import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { Faults, Window } from './orders.ts';

const WORDS = 5;
const LONGEST_US = 600_000_000;

export function createHistogram(): Histogram {
  return build({ bitBucketSize: 32, highestTrackableValue: LONGEST_US, numberOfSignificantValueDigits: 3 });
}

export function record(histogram: Histogram, us: number): void {
  histogram.recordValue(us < 1 ? 1 : us > LONGEST_US ? LONGEST_US : Math.floor(us));
}

/** What the clients of one driver process count. Plain fields: they change at every message. */
export class Ledger {
  delivered = 0;
  sent = 0;
  acked = 0;
  asideMessages = 0;
  asideBytes = 0;
  timeless = 0;
  readonly refused = new Map<string, number>();
  readonly deliverUs = createHistogram();
  readonly ackUs = createHistogram();
  lost = 0;
  again = 0;
  cut = 0;
  private readonly words: string[] = [];
  private sinceMs = performance.now();
  private sinceCpu = process.cpuUsage();

  fault(words: string): void {
    if (this.words.length < WORDS) this.words.push(words);
  }

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  faults(): Faults {
    const { lost, again, cut } = this;
    return { lost, again, cut, words: this.words };
  }

  /** The window that ends now; the next one begins. */
  mark(backlog: number): Window {
    const cpu = process.cpuUsage(this.sinceCpu);
    const window: Window = {
      elapsedMs: performance.now() - this.sinceMs,
      cpuNs: (cpu.user + cpu.system) * 1e3,
      sent: this.sent,
      backlog,
      acked: this.acked,
      refused: Object.fromEntries(this.refused),
      timeless: this.timeless,
      delivered: this.delivered,
      deliverUs: encodeIntoCompressedBase64(this.deliverUs),
      ackUs: encodeIntoCompressedBase64(this.ackUs),
      asideMessages: this.asideMessages,
      asideBytes: this.asideBytes,
    };
    for (const name of ['sent', 'acked', 'delivered', 'asideMessages', 'asideBytes', 'timeless'] as const) {
      this[name] = 0;
    }
    this.refused.clear();
    this.deliverUs.reset();
    this.ackUs.reset();
    this.sinceMs = performance.now();
    this.sinceCpu = process.cpuUsage();
    return window;
  }
}
