import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { runRoomcast } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { MODES } from '../support/system.ts';

describe.each(MODES)('roomcast status, %s', (mode) => {
  const stage = systemFixture(mode);

  async function status(...args: readonly string[]) {
    const { child, output } = runRoomcast(['status', ...args], {
      ADMIN_PORT: new URL(stage.system.hosts[0]?.adminUrl as string).port,
    });
    const [code] = (await once(child, 'exit')) as [number];
    return { code, ...output() };
  }

  it('shows the workers and clients of every host', async () => {
    const members = await Promise.all([0, 1, 2].map((n) => stage.enter(stage.at(n), 'tea', `Ann ${n}`)));
    expect(members).toHaveLength(3);
    const hosts = mode === 'cluster' ? 2 : 1;
    const counted = mode === 'cluster' ? '2 hosts' : '1 host';
    await eventually(async () => {
      const { code, stdout } = await status('--once');
      expect(code).toBe(0);
      expect(stdout).toContain(
        `cluster: ${counted}, ${stage.system.workers} workers, 3 clients, 3 users, 1 room\n`,
      );
      const byHost = stdout.split('\n\n')[1]?.split('\n').slice(1) ?? [];
      const numbers = byHost.map((line) => line.split(/ {2,}/).slice(1).map(Number));
      expect(numbers).toHaveLength(hosts);
      expect(numbers.map(([workers]) => workers)).toEqual(Array.from({ length: hosts }, () => 2));
      expect(numbers.reduce((sum, [, clients = 0]) => sum + clients, 0)).toBe(3);
    });
    const { code, stdout } = await status('--json');
    expect([code, JSON.parse(stdout).hosts.length]).toEqual([0, hosts]);
  });
});
