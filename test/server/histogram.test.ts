import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createHistogram, createHistogramByLabel } from '../../src/server/histogram.ts';

const SHAPE = { name: 'waits_seconds', help: 'Waits', buckets: [0.001, 0.01, 0.1] };

test('a histogram is scraped as one of prom-client with the same values', async () => {
  const theirs = new Registry();
  const reference = new Histogram({ ...SHAPE, registers: [theirs] });
  const ours = new Registry();
  const histogram = createHistogram(SHAPE);
  ours.registerMetric(histogram.metric);
  expect(await ours.metrics()).toBe(await theirs.metrics());

  for (const value of [0, 0.001, 0.0011, 0.05, 0.1, 7, 0.25]) {
    histogram.observe(value);
    reference.observe(value);
  }

  expect(await ours.metrics()).toBe(await theirs.metrics());
  expect(await theirs.getMetricsAsJSON()).toMatchObject(await ours.getMetricsAsJSON());
});

test('histograms by a label are scraped as one of prom-client with the same values', async () => {
  const theirs = new Registry();
  const reference = new Histogram({ ...SHAPE, labelNames: ['call'], registers: [theirs] });
  const ours = new Registry();
  const labels = ['read', 'append'] as const;
  const histogram = createHistogramByLabel(SHAPE, 'call', labels);
  ours.registerMetric(histogram.metric);
  for (const call of labels) reference.zero({ call });
  expect(await ours.metrics()).toBe(await theirs.metrics());

  for (const [call, value] of [
    ['read', 0.002],
    ['append', 7],
    ['read', 0.05],
  ] as const) {
    histogram.observe(call, value);
    reference.observe({ call }, value);
  }

  expect(await ours.metrics()).toBe(await theirs.metrics());
});
