import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createHostMetrics } from '../../src/cluster/host-metrics.ts';
import { refuse } from '../../src/protocol/codes.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { IDLE_SOURCES } from '../server/idle-sources.ts';

const read = (path: string) => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');
const dashboard = JSON.parse(read('grafana/dashboard.json'));
const { groups } = parse(read('prometheus/roomcast.rules.yml'));
const rules: { alert: string; expr: string; annotations: Record<string, string> }[] = groups.flatMap(
  (group: { rules: unknown[] }) => group.rules,
);

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}
const panels: Panel[] = dashboard.panels;

/** All series of a host, as a scrape names them. */
async function seriesNames(): Promise<Set<string>> {
  const worker = createMetrics();
  worker.watch(IDLE_SOURCES);
  const host = createHostMetrics({
    version: '0',
    workers: { status: () => [], withClients: () => [] },
    question: 'metrics',
    cluster: async () => refuse('unavailable', 'none'),
    store: async () => refuse('unavailable', 'none'),
  });
  const { text } = await host.scrape();
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
  }));
  for (const { name, type } of await worker.asJson()) names.push({ name, type: `${type}` });
  return new Set(
    names.flatMap(({ name, type }) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

const namesIn = (text: string) => text.match(/\broomcast_[a-z0-9_]+/g) ?? [];

describe('what is named for Prometheus and Grafana', () => {
  it('is a metric that a host has: in the alerts, on the dashboard and for the autoscaler', async () => {
    const known = await seriesNames();
    const texts = {
      alerts: rules.map(({ expr }) => expr),
      dashboard: [
        ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
        ...dashboard.annotations.list.map(({ expr }: { expr: string }) => expr),
        ...dashboard.templating.list.map(({ query }: { query: string }) => query),
      ],
      tests: parse(read('prometheus/rules.test.yml')).tests.flatMap(
        (test: { input_series: { series: string }[] }) => test.input_series.map(({ series }) => series),
      ),
      autoscaler: [read('k8s/hpa.yaml').replace(/^#.*$/gm, '')],
      readme: [read('prometheus/README.md'), read('README.md')],
    };
    for (const [where, each] of Object.entries<string[]>(texts)) {
      const named = each.flatMap(namesIn);
      expect([where, named.length > 0]).toEqual([where, true]);
      expect([where, named.filter((name) => !known.has(name))]).toEqual([where, []]);
    }
  });
});

describe('the dashboard', () => {
  it('has panels with a question each, that do not lie over each other', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, type, targets = [], gridPos } of panels) {
      if (type !== 'row') expect([title, targets.length > 0]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect([title, x < 24, taken.has(`${x} ${y}`)]).toEqual([title, true, false]);
          taken.add(`${x} ${y}`);
        }
    }
  });

  it('asks the data source that its reader chooses', () => {
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' });
    expect(JSON.stringify(dashboard).match(/"uid":"(?!\$\{datasource\}|roomcast")/)).toBeNull();
  });
});

describe('an alert', () => {
  it.each(rules)('$alert says which host it is about', ({ annotations }) => {
    expect(annotations.summary).toContain('{{ $labels.instance }}');
  });
});
