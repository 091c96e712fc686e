import { duration, short } from '../numbers.ts';

/** An axis, which gives each value its place. */
export interface Scale {
  /** 0 at the axis' beginning, 1 at its end; values beyond lie at its ends. */
  at(value: number): number;
  readonly ticks: readonly Tick[];
}

export interface Tick {
  readonly value: number;
  readonly label: string;
}

const STEPS = [1, 2, 5];
const TICKS = 6;
/** Ticks of a logarithmic axis over few decades; over more, each decade has one. */
const FEW_DECADES = 2.5;

/** From 0 to `max` or a little more, with round ticks. */
export function linearScale(max: number, label: (value: number) => string = short): Scale {
  const step = stepFor(max / TICKS);
  const end = Math.max(step, Math.ceil(max / step) * step);
  const count = Math.round(end / step);
  const ticks = Array.from({ length: count + 1 }, (_, index) => tickAt(index * step, label));
  return { at: (value) => within(value / end), ticks };
}

/** Times in ms, logarithmic: latencies differ by thousands, and a fault must not flatten all the rest. */
export function logScale(minMs: number, maxMs: number): Scale {
  const first = Math.floor(Math.log10(Math.max(minMs, 0.01)));
  const low = first;
  const high = Math.max(Math.log10(Math.max(maxMs, 0.01)), low + 1);
  const steps = high - low > FEW_DECADES ? [1] : STEPS;
  const ticks: Tick[] = [];
  for (let decade = first; decade <= Math.ceil(high); decade++) {
    for (const step of steps) {
      const value = step * 10 ** decade;
      if (Math.log10(value) <= high + 0.001) ticks.push(tickAt(value, duration));
    }
  }
  return { at: (value) => within((Math.log10(Math.max(value, 0.001)) - low) / (high - low)), ticks };
}

/** Percentiles by their nines: p99 is as far from p90 as p99.9 from p99. */
export function percentileScale(highest: number): Scale {
  const nines = (percentile: number) => -Math.log10(Math.max(1 - percentile / 100, 1e-9));
  const end = Math.max(nines(Math.min(highest, 99.9999)), 2);
  const ticks = [0, 50, 90, 99, 99.9, 99.99, 99.999]
    .filter((value) => nines(value) <= end + 0.001)
    .map((value) => ({ value, label: `p${value}` }));
  return { at: (value) => within(nines(value) / end), ticks };
}

function stepFor(rough: number): number {
  if (!(rough > 0)) return 1;
  const decade = 10 ** Math.floor(Math.log10(rough));
  return (STEPS.find((step) => step * decade >= rough) ?? 10) * decade;
}

function tickAt(value: number, label: (value: number) => string): Tick {
  // 0.30000000000000004 is no tick.
  const rounded = Number(value.toPrecision(12));
  return { value: rounded, label: label(rounded) };
}

const within = (share: number) => Math.min(1, Math.max(0, share));
