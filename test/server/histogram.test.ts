import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createHistogram } from '../../src/server/histogram.ts';

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
