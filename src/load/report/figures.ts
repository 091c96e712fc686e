import { duration, short, whole } from '../numbers.ts';
import type { LatencySummary, LoadResult, SecondFigures, StepFigures } from '../result.ts';
import type { Html } from './html.ts';
import { type Band, lineChart } from './line-chart.ts';
import { linearScale, logScale, percentileScale } from './scales.ts';
import { type Stretch, stretchesOf } from './time-line.ts';

/** The figures of a run, in the order of their weight. */
export function figuresOf(result: LoadResult): readonly Html[] {
  const stretches = stretchesOf(result.seconds);
  const bands = [...phasesOf(result.seconds), ...faultsOf(result)];
  return [
    ...(result.steps.length > 0 ? [stepCurve(result.steps)] : []),
    ...percentileCurve(result),
    ...(stretches.length > 0 ? overTime(stretches, bands) : []),
  ];
}

function percentileCurve({ latency: { delivered, acked } }: LoadResult): readonly Html[] {
  const shown = [delivered, acked].filter(({ count }) => count > 0);
  if (shown.length === 0) return [];
  const pointsOf = ({ percentiles }: LatencySummary) =>
    percentiles.map(({ percentile: x, ms: y }) => ({ x, y }));
  const values = shown.flatMap(({ percentiles }) => percentiles.map(({ ms }) => ms));
  const chart = lineChart({
    title: 'Latency by percentile',
    measure: 'ms',
    xName: 'part of the messages that were not slower',
    x: percentileScale(highestPercentile(shown)),
    y: logScale(Math.min(...values), Math.max(...values)),
    series: [
      { name: 'delivered to a member', tone: 'main', points: pointsOf(delivered) },
      { name: 'acknowledged', tone: 'third', points: pointsOf(acked) },
    ],
  });
  return [chart];
}

/** Beyond it each value would stand for less than one message. */
function highestPercentile(shown: readonly LatencySummary[]): number {
  const count = Math.max(...shown.map((one) => one.count));
  return 100 * (1 - 1 / Math.max(count, 10));
}

function overTime(stretches: readonly Stretch[], bands: readonly Band[]): readonly Html[] {
  const endMs = Math.max(...stretches.map(({ toMs }) => toMs));
  const x = linearScale(endMs / 1_000, (seconds) => `${short(seconds)} s`);
  const xName = 'since the start';
  const line = (y: (stretch: Stretch) => number | undefined) =>
    stretches.map((stretch) => ({ x: (stretch.fromMs + stretch.toMs) / 2_000, y: y(stretch) }));
  const greatest = (...of: ((stretch: Stretch) => number | undefined)[]) =>
    Math.max(0, ...stretches.flatMap((stretch) => of.map((read) => read(stretch) ?? 0)));
  const notes = stretches.map((stretch) => ({
    from: stretch.fromMs / 1_000,
    to: stretch.toMs / 1_000,
    text: noteOn(stretch),
  }));
  const common = { x, xName, bands, notes };
  const waits = stretches.flatMap(({ p50Ms, p99Ms, ackP99Ms }) =>
    [p50Ms, p99Ms, ackP99Ms].filter((value) => value !== undefined),
  );
  const latency = lineChart({
    ...common,
    title: 'Latency over time',
    measure: 'ms',
    y: logScale(Math.min(...waits), Math.max(...waits)),
    series: [
      { name: 'delivered, p50', tone: 'main', points: line(({ p50Ms }) => p50Ms) },
      { name: 'delivered, p99', tone: 'high', points: line(({ p99Ms }) => p99Ms) },
      { name: 'acknowledged, p99', tone: 'third', points: line(({ ackP99Ms }) => ackP99Ms) },
    ],
  });
  return [
    ...(waits.length > 0 ? [latency] : []),
    lineChart({
      ...common,
      title: 'Deliveries over time',
      measure: 'per second',
      y: linearScale(greatest(({ deliveredPerS }) => deliveredPerS)),
      series: [{ name: 'delivered', tone: 'main', points: line(({ deliveredPerS }) => deliveredPerS) }],
    }),
    lineChart({
      ...common,
      title: 'Messages said and refused over time',
      measure: 'per second',
      y: linearScale(
        greatest(
          ({ saidPerS }) => saidPerS,
          ({ refusedPerS }) => refusedPerS,
        ),
      ),
      series: [
        { name: 'said', tone: 'main', points: line(({ saidPerS }) => saidPerS) },
        { name: 'refused', tone: 'high', points: refusedLine(stretches, line) },
      ],
    }),
    lineChart({
      ...common,
      title: 'Clients in their rooms',
      measure: 'clients',
      y: linearScale(greatest(({ connected }) => connected)),
      series: [{ name: 'connected', tone: 'main', points: line(({ connected }) => connected) }],
    }),
    lineChart({
      ...common,
      title: 'CPU',
      measure: 'cores',
      y: linearScale(
        greatest(
          ({ driverCores }) => driverCores,
          ({ serverCores }) => serverCores,
        ),
      ),
      series: [
        { name: 'servers on this machine', tone: 'main', points: line(({ serverCores }) => serverCores) },
        { name: 'driver', tone: 'quiet', points: line(({ driverCores }) => driverCores) },
      ],
    }),
  ];
}

/** Nothing refused is no line at zero, but no line. */
function refusedLine(
  stretches: readonly Stretch[],
  line: (y: (stretch: Stretch) => number) => { x: number; y: number | undefined }[],
) {
  return stretches.some(({ refusedPerS }) => refusedPerS > 0) ? line(({ refusedPerS }) => refusedPerS) : [];
}

function noteOn(stretch: Stretch): string {
  const { fromMs, toMs, p50Ms, p99Ms, deliveredPerS, saidPerS, connected, wrong } = stretch;
  const waits =
    p50Ms === undefined || p99Ms === undefined ? [] : [`p50 ${duration(p50Ms)}, p99 ${duration(p99Ms)}`];
  return [
    `${short(fromMs / 1_000)} to ${short(toMs / 1_000)} s`,
    ...waits,
    `${whole(deliveredPerS)} deliveries and ${whole(saidPerS)} says per second`,
    `${whole(connected)} clients`,
    ...(wrong > 0 ? [`${whole(wrong)} wrong`] : []),
  ].join('\n');
}

function phasesOf(seconds: readonly SecondFigures[]): readonly Band[] {
  const bands: Band[] = [];
  for (const phase of ['ramp', 'settle'] as const) {
    const part = seconds.filter((second) => second.phase === phase);
    const first = part[0];
    const last = part.at(-1);
    if (!first || !last) continue;
    const name = phase === 'ramp' ? 'clients connect' : 'last deliveries';
    bands.push({ name, kind: 'phase', from: (first.atMs - first.tookMs) / 1_000, to: last.atMs / 1_000 });
  }
  return bands;
}

function faultsOf({ faults }: LoadResult): readonly Band[] {
  return faults.map(({ name, fromMs, toMs }) => ({
    name,
    kind: 'fault' as const,
    from: fromMs / 1_000,
    to: toMs / 1_000,
  }));
}

function stepCurve(steps: readonly StepFigures[]): Html {
  const waits = steps.flatMap(({ p50Ms, p99Ms }) => [p50Ms, p99Ms]);
  const points = (y: (step: StepFigures) => number) =>
    steps.map((step) => ({ x: step.deliveredPerS, y: y(step) }));
  return lineChart({
    title: 'Latency by load',
    measure: 'ms',
    xName: 'deliveries per second',
    x: linearScale(Math.max(...steps.map(({ deliveredPerS }) => deliveredPerS)), whole),
    y: logScale(Math.min(...waits), Math.max(...waits)),
    series: [
      { name: 'p50', tone: 'main', points: points(({ p50Ms }) => p50Ms) },
      { name: 'p99', tone: 'high', points: points(({ p99Ms }) => p99Ms) },
    ],
  });
}
