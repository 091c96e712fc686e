import { Counter, collectDefaultMetrics, Gauge, type Metric, type MetricObject, Registry } from 'prom-client';
import {
  createHistogram,
  createHistogramByLabel,
  type Histogram,
  type HistogramByLabel,
} from './histogram.ts';

export interface LabelledCounter<Label extends string> {
  inc(labels: Readonly<Record<Label, string>>): void;
}

/** Creates metrics whose names begin with `roomcast_`, and shows them. */
export interface MetricRegistry {
  /** `read` is called when the metrics are scraped. */
  gauge(name: string, help: string, read: () => number, aggregator?: 'sum' | 'max'): void;
  /** A counter that another module keeps. */
  readCounter(name: string, help: string, read: () => number): void;
  counter(name: string, help: string): { inc(): void };
  counter<Label extends string>(name: string, help: string, label: Label): LabelledCounter<Label>;
  histogram(name: string, help: string, buckets: readonly number[]): Pick<Histogram, 'observe'>;
  histogramByLabel<Label extends string>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelName: string,
    labels: readonly Label[],
  ): Pick<HistogramByLabel<Label>, 'observe'>;
  readonly contentType: string;
  text(): Promise<string>;
  /** The metrics for the primary, which merges those of all workers. */
  asJson(): Promise<MetricObject[]>;
  /** Those that must not be lost with this process: counters and histograms. Cheap enough for every second. */
  totals(): Promise<MetricObject[]>;
}

const PREFIX = 'roomcast_';

/**
 * prom-client samples the event loop every 10 ms for its delay histogram. Waking an idle worker 100 times a second cost more
 * than a thousand idle connections, and a longer interval would measure itself. The primary reports the delay that each worker
 * measures for /status.
 */
const NEVER_MS = 2 ** 31 - 1;
const EVENT_LOOP_DELAY = /_eventloop_lag_(min|max|mean|stddev|p50|p90|p99)_seconds$/;
/** A name that ends in `_total` is a counter's; these are gauges, and each has a namesake by type. */
const MISNAMED_GAUGE = /_active_(handles|requests|resources)_total$/;

/** The registry of one worker, with the metrics of its process. */
export function createMetricRegistry(): MetricRegistry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX, eventLoopMonitoringPrecision: NEVER_MS });
  for (const { name } of registry.getMetricsAsArray()) {
    if (EVENT_LOOP_DELAY.test(name) || MISNAMED_GAUGE.test(name)) registry.removeSingleMetric(name);
  }
  const registers = [registry];

  function gauge(name: string, help: string, read: () => number, aggregator: 'sum' | 'max' = 'sum'): void {
    new Gauge({
      name: PREFIX + name,
      help,
      aggregator,
      registers,
      collect() {
        this.set(read());
      },
    });
  }

  function readCounter(name: string, help: string, read: () => number): void {
    new Counter({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  function counter<Label extends string>(name: string, help: string, ...labelNames: Label[]) {
    return new Counter<Label>({ name: PREFIX + name, help, labelNames, registers });
  }

  function register<Created extends { readonly metric: Metric }>(created: Created): Created {
    registry.registerMetric(created.metric);
    return created;
  }

  return {
    gauge,
    readCounter,
    counter,
    histogram: (name, help, buckets) => register(createHistogram({ name: PREFIX + name, help, buckets })),
    histogramByLabel: (name, help, buckets, labelName, labels) =>
      register(createHistogramByLabel({ name: PREFIX + name, help, buckets }, labelName, labels)),
    contentType: registry.contentType,
    text: () => registry.metrics(),
    asJson: () => registry.getMetricsAsJSON(),
    totals: () =>
      Promise.all(
        registry
          .getMetricsAsArray()
          // Typed as an enum that prom-client does not have.
          .filter(({ type }) => `${type}` === 'counter' || `${type}` === 'histogram')
          .flatMap(({ name }) => (registry.getSingleMetric(name) as Metric | undefined)?.get() ?? []),
      ),
  };
}
