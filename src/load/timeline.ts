import type { Histogram } from 'hdr-histogram-js';
import { type WrongCounts, zeroWrong } from './checker/live/findings.ts';
import type { Crowd, CrowdWindow } from './driver/crowd.ts';
import { addedCounts } from './driver/crowd-windows.ts';
import { createHistogram } from './driver/ledger.ts';
import type { LoadProgress } from './progress.ts';
import type { LoadConfig, Phase, SecondFigures, ServerShare, Totals } from './result.ts';
import type { LocalServers } from './server/local-processes.ts';

const SECOND_MS = 1_000;

export interface TimelineDeps {
  readonly config: LoadConfig;
  readonly crowd: Crowd;
  readonly local: LocalServers | undefined;
  readonly plannedMs: number;
  readonly onProgress: (progress: LoadProgress) => void;
}

/** Sums and histograms of a stretch of the run. */
export interface Stretch {
  tookMs: number;
  said: number;
  unsaid: number;
  acked: number;
  delivered: number;
  failedConnections: Record<string, number>;
  joined: number;
  driverCpuMs: number;
  serverCpuMs: number;
  readonly deliverUs: Histogram;
  readonly ackUs: Histogram;
  readonly joinUs: Histogram;
  readonly lagUs: Histogram;
  readonly loopDelayUs: Histogram;
}

/** Asks the driver processes once a second what happened, and adds it up: in all, and by stretch. */
export interface Timeline {
  readonly seconds: readonly SecondFigures[];
  readonly totals: Totals;
  readonly servers: readonly ServerShare[];
  readonly rssBytes: number;
  readonly whole: Stretch;
  atMs(): number;
  /** Everything is put into this stretch too, until the next one begins. */
  begin(phase: Phase, offeredPerS: number): Stretch;
  /** Follows the run until `end` resolves; its value is returned. */
  follow<T>(end: Promise<T>): Promise<T>;
}

export function createTimeline(deps: TimelineDeps): Timeline {
  const { config, crowd, local, plannedMs, onProgress } = deps;
  const startedMs = performance.now();
  const seconds: SecondFigures[] = [];
  const whole = createStretch();
  let stretch = createStretch();
  let phase: Phase = 'ramp';
  let offeredPerS = 0;
  let serverCpuMs = local?.cpuMs() ?? 0;
  let lastMs = startedMs;
  let wrong: WrongCounts = zeroWrong();
  let totals: Totals = NOTHING;
  let servers: readonly ServerShare[] = [];
  let rssBytes = 0;
  const atMs = () => performance.now() - startedMs;

  async function mark(): Promise<void> {
    const window = await crowd.mark();
    const nowMs = performance.now();
    const tookMs = nowMs - lastMs;
    lastMs = nowMs;
    const cpuMs = local?.cpuMs() ?? 0;
    const serverMs = Math.max(0, cpuMs - serverCpuMs);
    serverCpuMs = cpuMs;
    const wrongBefore = sumOf(wrong);
    wrong = window.wrong;
    totals = addTotals(totals, window);
    servers = window.shares.map(({ server, worker, ...share }) => ({
      url: config.urls[server] ?? '',
      ...(worker !== undefined && { worker }),
      ...share,
    }));
    rssBytes = Math.max(rssBytes, window.rssBytes);
    for (const each of [whole, stretch]) addTo(each, window, tookMs, serverMs);
    const second: SecondFigures = {
      atMs: nowMs - startedMs,
      tookMs,
      phase,
      connected: window.shares.reduce((sum, { clients }) => sum + clients, 0),
      said: window.sent,
      acked: window.acked,
      refused: window.refused,
      delivered: window.delivered,
      ...percentiles(window),
      backlog: window.backlog,
      cut: window.cutInWindow,
      wrong: Math.max(0, sumOf(wrong) - wrongBefore),
      driverLagP99Ms: Math.max(msAt(window.lagUs, 99), msAt(window.loopDelayUs, 99)),
      driverCores: window.cpuNs / 1e6 / tookMs,
      driverRssBytes: window.rssBytes,
      ...(local && { serverCores: serverMs / tookMs }),
    };
    seconds.push(second);
    onProgress({ config, phase, atMs: atMs(), plannedMs, second, totals, wrong, servers, offeredPerS });
  }

  return {
    seconds,
    whole,
    get totals() {
      return totals;
    },
    get servers() {
      return servers;
    },
    get rssBytes() {
      return rssBytes;
    },
    atMs,
    begin(next, rate) {
      phase = next;
      offeredPerS = rate;
      stretch = createStretch();
      return stretch;
    },
    async follow(end) {
      let isOver = false;
      const over = end.finally(() => {
        isOver = true;
      });
      // Its failure is the caller's; here it only ends the loop.
      const quiet = over.catch(() => undefined);
      while (!isOver) {
        let timer: NodeJS.Timeout | undefined;
        const tick = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, Math.max(1, lastMs + SECOND_MS - performance.now()));
        });
        await Promise.race([tick, quiet]);
        clearTimeout(timer);
        await mark();
      }
      return over;
    },
  };
}

const NOTHING: Totals = {
  said: 0,
  unsaid: 0,
  acked: 0,
  refused: {},
  unanswered: 0,
  delivered: 0,
  privateDelivered: 0,
  bytesRead: 0,
  joined: 0,
  failedConnections: {},
  absent: 0,
  cut: 0,
  resumed: 0,
  reportedGone: 0,
};

function addTotals(totals: Totals, window: CrowdWindow): Totals {
  const said = totals.said + window.sent;
  const acked = totals.acked + window.acked;
  const refused = addedCounts([totals.refused, window.refused]);
  return {
    said,
    unsaid: totals.unsaid + window.unsaid,
    acked,
    refused,
    unanswered: Math.max(0, said - acked - sumOf(refused)),
    delivered: totals.delivered + window.delivered,
    privateDelivered: totals.privateDelivered + window.privateDelivered,
    bytesRead: totals.bytesRead + window.bytesRead,
    joined: totals.joined + window.joined,
    failedConnections: addedCounts([totals.failedConnections, window.failedConnections]),
    absent: totals.absent,
    cut: totals.cut + window.cutInWindow,
    resumed: totals.resumed + window.resumed,
    reportedGone: totals.reportedGone + window.reportedGone,
  };
}

function createStretch(): Stretch {
  return {
    tookMs: 0,
    said: 0,
    unsaid: 0,
    acked: 0,
    delivered: 0,
    failedConnections: {},
    joined: 0,
    driverCpuMs: 0,
    serverCpuMs: 0,
    deliverUs: createHistogram(),
    ackUs: createHistogram(),
    joinUs: createHistogram(),
    lagUs: createHistogram(),
    loopDelayUs: createHistogram(),
  };
}

function addTo(stretch: Stretch, window: CrowdWindow, tookMs: number, serverCpuMs: number): void {
  stretch.tookMs += tookMs;
  stretch.said += window.sent;
  stretch.unsaid += window.unsaid;
  stretch.acked += window.acked;
  stretch.delivered += window.delivered;
  stretch.failedConnections = addedCounts([stretch.failedConnections, window.failedConnections]);
  stretch.joined += window.joined;
  stretch.driverCpuMs += window.cpuNs / 1e6;
  stretch.serverCpuMs += serverCpuMs;
  for (const name of ['deliverUs', 'ackUs', 'joinUs', 'lagUs', 'loopDelayUs'] as const)
    stretch[name].add(window[name]);
}

function percentiles({ deliverUs, ackUs }: CrowdWindow) {
  return {
    ...(deliverUs.totalCount > 0 && {
      p50Ms: msAt(deliverUs, 50),
      p99Ms: msAt(deliverUs, 99),
      maxMs: deliverUs.maxValue / 1e3,
    }),
    ...(ackUs.totalCount > 0 && { ackP50Ms: msAt(ackUs, 50), ackP99Ms: msAt(ackUs, 99) }),
  };
}

export function msAt(us: Histogram, percentile: number): number {
  return us.getValueAtPercentile(percentile) / 1e3;
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
