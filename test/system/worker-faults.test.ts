import { afterEach, describe, expect, it } from 'vitest';
import { type BuildCopy, copyBuild } from '../support/build-copy.ts';
import { type Host, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { enter } from '../support/member.ts';

let host: Host;
let build: BuildCopy | undefined;
afterEach(async () => {
  await host.stop();
  await host.remove();
  await build?.remove();
  build = undefined;
});

async function readyz(): Promise<{ status: number; reasons: string[] }> {
  const answer = await fetch(`${host.adminUrl}/readyz`);
  const { reasons = [] } = (await answer.json()) as { reasons?: string[] };
  return { status: answer.status, reasons };
}
const worker = async (slot: number) => (await host.status()).workers.find((one) => one.slot === slot);
const pidOf = async (slot: number) => (await worker(slot))?.pid as number;
const allReady = () => eventually(async () => expect(await readyz()).toEqual({ status: 200, reasons: [] }));
/** The view of an operator and a client on two workers, 1 and 2, that do not report. */
async function lookAtSuspects(): Promise<{ error?: unknown }> {
  await eventually(
    async () => {
      for (const slot of [1, 2]) expect(await worker(slot)).toMatchObject({ state: 'suspect' });
    },
    // By then they are replaced.
    { timeout: 20_000 },
  );
  const { status, reasons } = await readyz();
  expect(status).toBe(503);
  for (const slot of [1, 2]) expect(reasons).toContain(`the worker of slot ${slot} is in state suspect`);
  const metrics = await (await fetch(`${host.adminUrl}/metrics`)).text();
  expect(metrics).toContain('roomcast_worker_up{slot="0"} 1\n');
  for (const slot of [1, 2]) expect(metrics).toContain(`roomcast_worker_up{slot="${slot}"} 0\n`);
  // The front door leads nobody to them.
  for (let n = 0; n < 4; n += 1) {
    const member = await enter(host.url, 'elsewhere', `M${n}`);
    member.close();
    expect(member.hello.worker).toBe(0);
  }
  return {};
}

/** A worker whose event loop spins for ever once it gets the signal. */
const BUSY_ON_SIGNAL = "process.on('SIGUSR2', () => { for (;;); });";
/** A worker that ends right after it has reported that it serves. */
const DIES_WHEN_READY = `
const send = process.send;
process.send = (message, ...rest) => {
  if (message.kind === 'worker.ready') setTimeout(() => process.exit(3), 300);
  return send.call(process, message, ...rest);
};`;

describe('a worker that hangs', () => {
  it('stopped or busy for ever, makes the host not ready, holds up no page of the admin port, and is replaced', async () => {
    build = await copyBuild();
    await build.spoilWorkers(BUSY_ON_SIGNAL);
    host = await startHost({ workers: 3, main: build.main });
    let hanging: readonly [number, number];
    // A slow machine may take longer for this look than the workers live. Then it starts over with the next workers.
    for (;;) {
      hanging = [await pidOf(1), await pidOf(2)];
      process.kill(hanging[0], 'SIGSTOP');
      process.kill(hanging[1], 'SIGUSR2');
      const seen = await lookAtSuspects().catch((error: unknown) => ({ error }));
      const pids = [await pidOf(1), await pidOf(2)];
      if (seen.error === undefined) break;
      if (pids[0] === hanging[0] && pids[1] === hanging[1]) throw seen.error;
      await allReady();
    }
    await eventually(async () => {
      expect(hanging).not.toContain(await pidOf(1));
      expect(hanging).not.toContain(await pidOf(2));
    });
    await allReady();
  });

  it('for a moment only is ready again and keeps its clients', async () => {
    host = await startHost({ workers: 2 });
    const pid = await pidOf(1);
    const ann = await enter(host.workerUrls[1] as string, 'patient', 'Ann');
    process.kill(pid, 'SIGSTOP');
    await eventually(async () => expect((await readyz()).status).toBe(503));
    process.kill(pid, 'SIGCONT');
    await allReady();
    expect(await pidOf(1)).toBe(pid);
    await ann.do('say', { text: 'still here' });
    ann.close();
  });
});

describe('a deploy whose workers do not run', () => {
  it('at all keeps the old workers, says why, and ends with a good one', async () => {
    const cause = 'exit code 1';
    build = await copyBuild();
    host = await startHost({ workers: 2, main: build.main });
    const healthy = await pidOf(0);
    const ann = await enter(host.workerUrls[0] as string, 'go-on', 'Ann');
    await build.spoilWorkers("throw new Error('bad build');");

    process.kill(host.pid, 'SIGHUP');
    await eventually(() => expect(host.output().stderr).toContain('reload ended early'));
    expect(await pidOf(0)).toBe(healthy);
    await allReady();

    process.kill(await pidOf(1), 'SIGKILL');
    // On a busy machine each start takes longer than the first pauses, and an answer of the status as long: the later pauses
    // last seconds.
    await eventually(async () => {
      const row = await worker(1);
      expect(row).toMatchObject({ state: 'backoff', reason: cause });
      expect((row as unknown as { failures: number }).failures).toBeGreaterThan(2);
    });
    expect((await readyz()).reasons.join()).toContain(
      `in a row ended before they were ready or soon after, the last by ${cause}`,
    );
    expect(host.output().stderr).toContain(
      `worker ended before it was ready (${cause}); it will be respawned`,
    );
    await ann.do('say', { text: 'still here' });
    expect(await pidOf(0)).toBe(healthy);

    await build.spoilWorkers('');
    await allReady();
    ann.close();
  });

  it('for longer than a moment end the reload at its first slot, and the other workers stay', async () => {
    build = await copyBuild();
    host = await startHost({ workers: 2, main: build.main });
    const healthy = await pidOf(1);
    await build.spoilWorkers(DIES_WHEN_READY);
    process.kill(host.pid, 'SIGHUP');
    await eventually(() => expect(host.output().stderr).toContain('reload ended early'));
    expect(await host.status()).toMatchObject({ reload: { state: 'failed' } });
    await build.spoilWorkers('');
    await allReady();
    expect(await pidOf(1)).toBe(healthy);
  });
});
