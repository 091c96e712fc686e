import { type LoadResult, type SecondFigures, WRONG_KINDS } from '../../src/load/result.ts';

const SECONDS = 60;
const RAMP_S = 10;
const FAULT_S = 20;

/** A made-up run of 1,000 clients with a worker killed in it: what displays and reports are tried on. */
export const SAMPLE_RESULT: LoadResult = {
  format: 1,
  tool: { name: 'roomcast', version: '0.1.0' },
  command:
    "roomcast load http://127.0.0.1:3000 --clients 1000 --rooms 20 --rate 200/s --fault 'kill-worker@20s' --seed 7",
  machine: { node: 'v20.20.2', platform: 'linux x64', cpuModel: 'AMD EPYC', cores: 2 },
  config: {
    urls: ['http://127.0.0.1:3000'],
    dialect: 'roomcast',
    clients: 1_000,
    rooms: 20,
    ratePerS: 200,
    durationMs: 50_000,
    rampPerS: 100,
    textBytes: 100,
    transport: 'websocket',
    skew: 'even',
    churnPerS: 0,
    privateShare: 0,
    seed: 7,
    processes: 2,
    maxP99Ms: 100,
    maxErrorShare: 0.01,
    maxLagMs: 100,
    faults: ['kill-worker@20s'],
    stepRatesPerS: [],
  },
  startedAt: '2026-11-29T12:00:00.000Z',
  tookMs: 60_250,
  endedEarly: false,
  verdict: {
    outcome: 'wrong',
    exitCode: 1,
    reasons: ['2 messages were lost'],
    wrong: { ...Object.fromEntries(WRONG_KINDS.map((kind) => [kind, 0])), lost: 2 } as Record<
      (typeof WRONG_KINDS)[number],
      number
    >,
    findings: [
      { kind: 'lost', detail: 'client 12 in <load-3>: 104 came after 102' },
      { kind: 'lost', detail: 'client 71 in <load-3>: 104 came after 102' },
    ],
    comparedShare: 1,
    notChecked: [],
  },
  totals: {
    said: 10_000,
    unsaid: 0,
    acked: 9_940,
    refused: { unavailable: 48, rate_limited: 7 },
    unanswered: 5,
    delivered: 499_000,
    privateDelivered: 0,
    bytesRead: 130_000_000,
    joined: 1_480,
    failedConnections: { 'connect ECONNREFUSED': 21 },
    absent: 0,
    cut: 480,
    resumed: 478,
    reportedGone: 0,
  },
  latency: {
    delivered: latency(12, 1),
    acked: latency(8, 1),
    joined: latency(40, 2),
  },
  seconds: Array.from({ length: SECONDS }, (_, index) => second(index + 1)),
  servers: [
    { url: 'http://127.0.0.1:3000', worker: 0, clients: 480, delivered: 239_520, acked: 4_771, refused: 20 },
    { url: 'http://127.0.0.1:3000', worker: 1, clients: 520, delivered: 259_480, acked: 5_169, refused: 35 },
  ],
  faults: [{ name: 'kill-worker@20s', fromMs: 30_000, toMs: 30_000, detail: 'SIGKILL to process 4711' }],
  driver: {
    processes: 2,
    cpuMs: 9_400,
    cpuUsPerDelivery: 1.1,
    scheduleLagP99Ms: 1.9,
    scheduleLagMaxMs: 14,
    loopDelayP99Ms: 2.4,
    loopDelayMaxMs: 17,
    rssBytes: 190_000_000,
  },
  steps: [],
};

function second(s: number): SecondFigures {
  const talking = s > RAMP_S;
  const sinceFault = s - RAMP_S - FAULT_S;
  const shock = sinceFault >= 0 && sinceFault < 4 ? 40 / (sinceFault + 1) : 1;
  const down = sinceFault === 0 ? 480 : 0;
  return {
    atMs: s * 1_000,
    tookMs: 1_000,
    phase: talking ? 'load' : 'ramp',
    connected: Math.min(1_000, s * 100) - down,
    said: talking ? 200 : 0,
    acked: talking ? 200 - (down > 0 ? 48 : 0) : 0,
    refused: down > 0 ? { unavailable: 48 } : {},
    delivered: talking ? 10_000 - down * 8 : 0,
    ...(talking && {
      p50Ms: 4 + Math.sin(s) + shock / 4,
      p99Ms: 20 + 3 * Math.sin(s) + shock * 20,
      maxMs: 40 + shock * 40,
      ackP50Ms: 3 + shock / 4,
      ackP99Ms: 15 + shock * 15,
    }),
    backlog: 0,
    cut: down,
    wrong: down > 0 ? 2 : 0,
    driverLagP99Ms: 1.5 + Math.cos(s) / 2,
    driverCores: talking ? 0.15 : 0.1,
    driverRssBytes: 180_000_000 + 5_000_000 * Math.sin(s),
    serverCores: talking ? 0.5 : 0.3,
  };
}

function latency(p50Ms: number, spread: number): LoadResult['latency']['delivered'] {
  const percentiles = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100].map((percentile) => ({
    percentile,
    ms: p50Ms * (0.4 + spread * Math.min(6, -Math.log10(1 - Math.min(percentile, 99.999) / 100))) * 1.4,
  }));
  const at = (percentile: number) => percentiles.find((row) => row.percentile === percentile)?.ms ?? 0;
  return {
    count: 31_187,
    meanMs: p50Ms * 1.2,
    p50Ms: at(50),
    p90Ms: at(90),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: at(100),
    percentiles,
    // The encoding of an empty histogram.
    histogram: 'HISTFAAAAB14nJNpmSzMwMDACMXMDBAAYjMoH3ZjgPMBQQsCeg==',
  };
}
