import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Host, startHost } from '../support/cluster.ts';
import { enter } from '../support/member.ts';

/** Prometheus' own checks; promtool is in Debian's package prometheus. */
const deployed = (path: string) => fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url));

function promtool(args: readonly string[], input?: string) {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { encoding: 'utf8', input });
  if (error) throw error;
  return { status, said: stdout + stderr };
}

describe('promtool', () => {
  it('finds the alerts, their tests and the scrape configuration right', () => {
    for (const args of [
      ['check', 'rules', deployed('prometheus/roomcast.rules.yml')],
      ['check', 'config', deployed('prometheus/prometheus.yml')],
      ['test', 'rules', deployed('prometheus/rules.test.yml')],
    ]) {
      const { status, said } = promtool(args);
      expect([args[2], status, said]).toEqual([args[2], 0, expect.stringContaining('SUCCESS')]);
    }
  });

  it('understands every query of the dashboard', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roomcast-promtool-'));
    try {
      const { panels } = JSON.parse(await readFile(deployed('grafana/dashboard.json'), 'utf8'));
      const queries: string[] = panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) =>
        targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*')),
      );
      const rules = queries.map((expr, index) => ({ record: `query_${index}`, expr }));
      const file = join(folder, 'queries.yml');
      await writeFile(file, stringify({ groups: [{ name: 'dashboard', rules }] }));
      const { status, said } = promtool(['check', 'rules', file]);
      expect([status, said]).toEqual([0, expect.stringContaining(`SUCCESS: ${queries.length} rules found`)]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('finds nothing to complain about in the metrics of a host and of a worker', async () => {
    const host: Host = await startHost({ workers: 2 });
    try {
      const member = await enter(host.url, 'measured', 'Ann');
      await member.do('say', { text: 'hello' });
      member.close();
      const headers = { 'x-api-key': host.apiKey };
      for (const url of [`${host.adminUrl}/metrics`, `${host.workerUrls[0]}/metrics`]) {
        const text = await (await fetch(url, { headers })).text();
        expect(text).toContain('roomcast_append_duration_seconds_bucket');
        expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, said: '' });
      }
    } finally {
      await host.stop();
      await host.remove();
    }
  });
});
