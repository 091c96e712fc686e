import type { Metric, MetricValueWithName } from 'prom-client';

/**
 * A histogram that counts for a fraction of what prom-client's takes: that one makes a closure, an object and a hash for each
 * value, 7 µs where a room's messages are written, which is 2 % of a worker's time at 20,000 deliveries a second.
 */
export interface Histogram {
  observe(value: number): void;
  /** For a registry of prom-client, which reads it when it is scraped. */
  readonly metric: Metric;
}

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
}

export function createHistogram(options: HistogramOptions): Histogram {
  const distribution = createDistribution(options, {});
  return { observe: distribution.observe, metric: metricOf(options, distribution.values) };
}

/** Several of them under one name, told apart by a label whose values are all known. */
export interface HistogramByLabel<Label extends string> {
  observe(label: Label, value: number): void;
  readonly metric: Metric;
}

export function createHistogramByLabel<Label extends string>(
  options: HistogramOptions,
  labelName: string,
  labels: readonly Label[],
): HistogramByLabel<Label> {
  const distributions = new Map(
    labels.map((label) => [label, createDistribution(options, { [labelName]: label })]),
  );
  return {
    observe: (label, value) => distributions.get(label)?.observe(value),
    metric: metricOf(options, () => [...distributions.values()].flatMap(({ values }) => values())),
  };
}

type Values = () => MetricValueWithName<string>[];

/** A registry uses the name, the type and `get` of a metric, and nothing else. */
function metricOf({ name, help }: HistogramOptions, values: Values): Metric {
  const get = async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: values() });
  return { name, type: 'histogram', get } as unknown as Metric;
}

function createDistribution(
  { name, buckets }: HistogramOptions,
  labels: Readonly<Record<string, string>>,
): { readonly observe: (value: number) => void; readonly values: Values } {
  /** Values by their first bucket, those above all bounds last. */
  const counts = buckets.map(() => 0).concat(0);
  let sum = 0;

  function values(): MetricValueWithName<string>[] {
    let count = 0;
    const rows = counts.map((own, index) => {
      count += own;
      return {
        metricName: `${name}_bucket`,
        labels: { le: buckets[index] ?? '+Inf', ...labels },
        value: count,
      };
    });
    return [
      ...rows,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }

  return {
    values,
    observe(value) {
      let index = 0;
      while (value > (buckets[index] ?? Number.POSITIVE_INFINITY)) index++;
      counts[index] = (counts[index] ?? 0) + 1;
      sum += value;
    },
  };
}
