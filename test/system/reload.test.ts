import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Host, runRoomcast, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { enter } from '../support/member.ts';
import { freePorts } from '../support/ports.ts';

async function roomcast(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { child, output } = runRoomcast(args, env);
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, ...output() };
}

const adminPortOf = (host: Host) => new URL(host.adminUrl).port;

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const statusOf = (url: string) =>
  fetch(url).then(
    ({ status }) => status,
    () => 'refused' as const,
  );

describe('roomcast reload', () => {
  it('replaces every worker, reports each slot and ends with 0', async () => {
    const host = await startHost();
    const before = (await host.status()).workers.map(({ pid }) => pid);
    const { code, stdout, stderr } = await roomcast(['reload'], { ADMIN_PORT: adminPortOf(host) });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { workers } = await host.status();
    expect(workers.map(({ state }) => state)).toEqual(['ready', 'ready']);
    expect(workers.filter(({ pid }) => before.includes(pid))).toEqual([]);
    for (const { slot, pid } of workers) expect(stdout).toContain(`slot ${slot}: worker ${pid} serves`);
    expect(stdout).toMatch(/reloaded 2 workers in [\d.]+ s\n$/);
    await host.stop();
    await host.remove();
  });

  it('ends with 1 where no Roomcast runs', async () => {
    const port = String(await freePorts(1));
    const { code, stderr } = await roomcast(['reload'], { ADMIN_PORT: port });
    expect(code).toBe(1);
    expect(stderr).toContain('nothing answers at');
  });
});

describe('a worker that is replaced', () => {
  it('serves a client that can move until the client leaves, and no new one meanwhile', async () => {
    const host = await startHost();
    const [one = '', two = ''] = host.workerUrls;
    const old = (await host.status()).workers[0]?.pid;
    const ann = await enter(one, 'moving', 'Ann', { auth: { moves: true } });
    const bob = await enter(two, 'moving', 'Bob');
    const bye = new Promise((resolve) => ann.socket.once('bye', resolve));
    process.kill(host.pid, 'SIGHUP');
    expect(await bye).toMatchObject({ code: 3001, reconnect: true, afterMs: 0 });
    await bob.do('say', { text: 'while it drains' });
    await eventually(() => expect(ann.said.map(({ data }) => data.text)).toEqual(['while it drains']));
    expect(await ann.do('say', { text: 'from the old worker' })).toMatchObject({ ok: true });
    const again = await enter(one, 'moving', 'Ann');
    const { workers } = await host.status();
    expect(workers.find(({ pid }) => pid === old)).toMatchObject({ state: 'draining', clients: 1 });
    ann.close();
    await eventually(() => expect(old !== undefined && alive(old)).toBe(false));
    again.close();
    bob.close();
    await host.stop();
    await host.remove();
  });
});

describe('a host that is told to stop', () => {
  it('reports not ready first, serves on without new workers for DRAIN_DELAY_S, and ends at once when it is told again', async () => {
    const host = await startHost({ env: { DRAIN_DELAY_S: '500' } });
    const [url = ''] = host.workerUrls;
    const before = (await host.status()).workers.map(({ pid }) => pid);
    const ann = await enter(url, 'stopping', 'Ann');
    let saidBye = false;
    ann.socket.once('bye', () => {
      saidBye = true;
    });
    process.kill(host.pid, 'SIGHUP');
    const stopped = host.stop();
    await eventually(async () => expect(await statusOf(`${host.adminUrl}/readyz`)).toBe(503));
    await eventually(async () => expect(await statusOf(`${url}/readyz`)).toBe(503));
    expect(await statusOf(`${url}/healthz`)).toBe(200);
    const late = await enter(url, 'stopping', 'Late');
    await late.do('say', { text: 'still here' });
    await eventually(() => expect(ann.said).toHaveLength(1));
    expect(saidBye).toBe(false);
    process.kill(before[1] as number, 'SIGKILL');
    await eventually(() =>
      expect(host.output().stderr).toContain('it is not replaced: the host is stopping'),
    );
    await eventually(async () => {
      const { workers } = await host.status();
      expect(workers.map(({ pid }) => pid)).toEqual([before[0], 0]);
    });
    expect(host.output().stderr).not.toContain('reload ended early, the other workers stay');
    expect(await host.stop()).toBe(0);
    expect(await stopped).toBe(0);
    for (const member of [ann, late]) member.close();
    await host.remove();
  });

  it('lets the clients go after DRAIN_DELAY_S and ends with 0', async () => {
    const host = await startHost({ env: { DRAIN_DELAY_S: '1' } });
    const [url = ''] = host.workerUrls;
    const ann = await enter(url, 'stopping', 'Ann');
    const told = new Promise((resolve) => ann.socket.once('bye', resolve));
    const before = performance.now();
    const stopped = host.stop();
    await told;
    // Timers may fire a millisecond early.
    expect(performance.now() - before).toBeGreaterThanOrEqual(990);
    expect(await stopped).toBe(0);
    expect(await statusOf(`${url}/healthz`)).toBe('refused');
    ann.close();
    await host.remove();
  });

  it('during a reload, tells a client that was told to move when to come back, and does not wait for it', async () => {
    const host = await startHost();
    const ann = await enter(host.workerUrls[0] ?? '', 'moving', 'Ann', { auth: { moves: true } });
    const byes: unknown[] = [];
    ann.socket.on('bye', (bye) => byes.push(bye));
    process.kill(host.pid, 'SIGHUP');
    await eventually(() => expect(byes).toHaveLength(1));
    expect(await host.stop()).toBe(0);
    // The exit may be seen before what the worker wrote last.
    await eventually(() =>
      expect(byes).toEqual([
        expect.objectContaining({ code: 3001, afterMs: 0 }),
        expect.objectContaining({ code: 3001, reconnect: true }),
      ]),
    );
    ann.close();
    await host.remove();
  });
});

describe('a host that still starts', () => {
  async function begin() {
    const basePort = await freePorts(4);
    const dataDir = await mkdtemp(join(tmpdir(), 'roomcast-test-'));
    const { child, output } = runRoomcast(['start'], {
      BASE_PORT: String(basePort),
      PORT: String(basePort + 2),
      ADMIN_PORT: String(basePort + 3),
      WORKERS: '2',
      DATA_DIR: dataDir,
      DRAIN_DELAY_S: '0',
    });
    const exited = once(child, 'exit');
    // The first line is a warning, before the store is opened.
    await eventually(() => expect(output().stderr).not.toBe(''));
    return { child, output, exited, basePort, remove: () => rm(dataDir, { recursive: true, force: true }) };
  }

  it('ends with 0 by SIGTERM and leaves no worker', async () => {
    const { child, output, exited, basePort, remove } = await begin();
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(output().stdout).toBe('');
    for (const port of [0, 1, 2, 3]) {
      expect(await statusOf(`http://127.0.0.1:${basePort + port}/healthz`)).toBe('refused');
    }
    await remove();
  });

  it('ignores SIGHUP, with a line', async () => {
    const { child, output, exited, remove } = await begin();
    child.kill('SIGHUP');
    await eventually(() => expect(output().stdout).toContain('Roomcast is ready'));
    expect(output().stderr).toContain('SIGHUP is ignored');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    await remove();
  });
});
