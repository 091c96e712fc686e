import type { SecondFigures } from '../result.ts';

/** Some seconds of a run as one point of a chart. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
  /** Per second, over the stretch. */
  readonly saidPerS: number;
  readonly deliveredPerS: number;
  readonly refusedPerS: number;
  /** The worst of its seconds, so that a long run hides no short trouble. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly ackP99Ms: number | undefined;
  readonly driverLagMs: number;
  readonly driverCores: number;
  readonly serverCores: number | undefined;
  /** At its end. */
  readonly connected: number;
  readonly wrong: number;
}

/** As many points as a chart is wide: a run of a day must not make a report of megabytes. */
const MAX_POINTS = 180;

export function stretchesOf(seconds: readonly SecondFigures[]): readonly Stretch[] {
  const each = Math.max(1, Math.ceil(seconds.length / MAX_POINTS));
  const stretches: Stretch[] = [];
  for (let first = 0; first < seconds.length; first += each) {
    stretches.push(stretchOf(seconds.slice(first, first + each)));
  }
  return stretches;
}

function stretchOf(part: readonly SecondFigures[]): Stretch {
  const first = part[0];
  const last = part.at(-1);
  const tookS = sum(part, ({ tookMs }) => tookMs) / 1_000;
  const perS = (count: (second: SecondFigures) => number) => (tookS > 0 ? sum(part, count) / tookS : 0);
  return {
    fromMs: first ? first.atMs - first.tookMs : 0,
    toMs: last?.atMs ?? 0,
    saidPerS: perS(({ said }) => said),
    deliveredPerS: perS(({ delivered }) => delivered),
    refusedPerS: perS(({ refused }) => Object.values(refused).reduce((all, count) => all + count, 0)),
    p50Ms: worst(part, ({ p50Ms }) => p50Ms),
    p99Ms: worst(part, ({ p99Ms }) => p99Ms),
    ackP99Ms: worst(part, ({ ackP99Ms }) => ackP99Ms),
    driverLagMs: worst(part, ({ driverLagP99Ms }) => driverLagP99Ms) ?? 0,
    driverCores: worst(part, ({ driverCores }) => driverCores) ?? 0,
    serverCores: worst(part, ({ serverCores }) => serverCores),
    connected: last?.connected ?? 0,
    wrong: sum(part, ({ wrong }) => wrong),
  };
}

function sum(part: readonly SecondFigures[], of: (second: SecondFigures) => number): number {
  return part.reduce((all, second) => all + of(second), 0);
}

function worst(
  part: readonly SecondFigures[],
  of: (second: SecondFigures) => number | undefined,
): number | undefined {
  const values = part.flatMap((second) => of(second) ?? []);
  return values.length === 0 ? undefined : Math.max(...values);
}
