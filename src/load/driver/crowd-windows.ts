import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { sumWrong } from '../checker/live/findings.ts';
import { createHistogram } from './ledger.ts';
import type { Faults, Settled, ShareFigures, Stopped, Tops, Window } from './orders.ts';

const HISTOGRAMS = ['deliverUs', 'ackUs', 'joinUs', 'lagUs', 'loopDelayUs'] as const;
type HistogramName = (typeof HISTOGRAMS)[number];

/** The figures of all driver processes together since the last mark. */
export type CrowdWindow = Omit<Window, HistogramName> & Readonly<Record<HistogramName, Histogram>>;

/** The highest number acked in each room; not in an epoch after which a process has seen another one. */
export function highestTops(stopped: readonly Pick<Stopped, 'tops'>[]): Tops {
  const all = stopped.flatMap(({ tops }) => tops);
  const over = new Set(
    all.flatMap(({ room, epochs }) => epochs.slice(0, -1).map((epoch) => `${room} ${epoch}`)),
  );
  const tops: Record<string, number> = {};
  for (const { room, epochs, top } of all) {
    if (!over.has(`${room} ${epochs.at(-1)}`)) tops[room] = Math.max(top, tops[room] ?? 0);
  }
  return tops;
}

export function mergedHistograms(encoded: readonly string[]): Histogram {
  const merged = createHistogram();
  for (const each of encoded) merged.add(decodeFromCompressedBase64(each));
  return merged;
}

export function addedFaults(each: readonly Faults[]): Faults {
  const sum = (name: 'lost' | 'again' | 'foreign' | 'cut') =>
    each.reduce((total, faults) => total + faults[name], 0);
  return {
    lost: sum('lost'),
    again: sum('again'),
    foreign: sum('foreign'),
    cut: sum('cut'),
    words: each.flatMap(({ words }) => words),
  };
}

export function addedSettled(each: readonly Settled[]): Settled {
  const sum = (name: 'uncompared' | 'overdue' | 'absent') =>
    each.reduce((total, one) => total + one[name], 0);
  return {
    ...addedFaults(each),
    wrong: sumWrong(each.map(({ wrong }) => wrong)),
    findings: each.flatMap(({ findings }) => findings),
    uncompared: sum('uncompared'),
    overdue: sum('overdue'),
    absent: sum('absent'),
    ...(each.some(({ reordered }) => reordered !== undefined) && {
      reordered: each.reduce((total, { reordered = 0 }) => total + reordered, 0),
    }),
  };
}

export function addedWindows(each: readonly Window[]): CrowdWindow {
  const sum = (of: (window: Window) => number) => each.reduce((total, window) => total + of(window), 0);
  const histogram = (name: HistogramName) => mergedHistograms(each.map((window) => window[name]));
  return {
    elapsedMs: Math.max(...each.map(({ elapsedMs }) => elapsedMs)),
    cpuNs: sum(({ cpuNs }) => cpuNs),
    rssBytes: sum(({ rssBytes }) => rssBytes),
    sent: sum(({ sent }) => sent),
    unsaid: sum(({ unsaid }) => unsaid),
    backlog: sum(({ backlog }) => backlog),
    acked: sum(({ acked }) => acked),
    refused: addedCounts(each.map(({ refused }) => refused)),
    failedConnections: addedCounts(each.map(({ failedConnections }) => failedConnections)),
    timeless: sum(({ timeless }) => timeless),
    delivered: sum(({ delivered }) => delivered),
    privateSent: sum(({ privateSent }) => privateSent),
    privateDelivered: sum(({ privateDelivered }) => privateDelivered),
    bytesRead: sum(({ bytesRead }) => bytesRead),
    joined: sum(({ joined }) => joined),
    cutInWindow: sum(({ cutInWindow }) => cutInWindow),
    resumed: sum(({ resumed }) => resumed),
    reportedGone: sum(({ reportedGone }) => reportedGone),
    asideMessages: sum(({ asideMessages }) => asideMessages),
    asideBytes: sum(({ asideBytes }) => asideBytes),
    deliverUs: histogram('deliverUs'),
    ackUs: histogram('ackUs'),
    joinUs: histogram('joinUs'),
    lagUs: histogram('lagUs'),
    loopDelayUs: histogram('loopDelayUs'),
    wrong: sumWrong(each.map(({ wrong }) => wrong)),
    blocks: each.flatMap(({ blocks }) => blocks),
    shares: addedShares(each.flatMap(({ shares }) => shares)),
  };
}

export function addedCounts(each: Iterable<Readonly<Record<string, number>>>): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of each)
    for (const [name, times] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + times;
  return sum;
}

function addedShares(shares: readonly ShareFigures[]): ShareFigures[] {
  const sums = new Map<string, ShareFigures>();
  for (const share of shares) {
    const key = `${share.server} ${share.worker}`;
    const sum = sums.get(key);
    sums.set(key, {
      server: share.server,
      worker: share.worker,
      clients: share.clients + (sum?.clients ?? 0),
      delivered: share.delivered + (sum?.delivered ?? 0),
      acked: share.acked + (sum?.acked ?? 0),
      refused: share.refused + (sum?.refused ?? 0),
    });
  }
  return [...sums.values()].sort((a, b) => a.server - b.server || (a.worker ?? -1) - (b.worker ?? -1));
}
