import { Writable } from 'node:stream';
import { pino } from 'pino';
import { vi } from 'vitest';
import { CONTROL } from '../../src/cluster/control.ts';
import { createSupervisor, type SupervisorDeps } from '../../src/cluster/supervisor.ts';
import { createFakeForks, type FakeWorker } from './fake-port.ts';

/** Lets messages and microtasks through; no time passes. */
export const settle = () => vi.advanceTimersByTimeAsync(0);
/** A new worker serves long enough for the reload to go on. */
export const soak = () => vi.advanceTimersByTimeAsync(1_000);

/** A supervisor whose workers are fakes. Its tests use fake timers. */
export function createCluster(deps: Partial<SupervisorDeps> = {}) {
  const forks = createFakeForks();
  const lines: Array<{ msg: string; clients?: number }> = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const onWorkerGone = vi.fn();
  const onServing = vi.fn();
  const processes: string[] = [];
  const onWorkerSilent = vi.fn();
  const supervisor = createSupervisor({
    workers: 2,
    basePort: 6001,
    fork: forks.fork,
    serve: () => {},
    log: pino({ level: 'info' }, sink),
    now: Date.now,
    drainMs: 10_000,
    onWorkerGone,
    onWorkerSilent,
    onServing,
    onProcess: ({ slot, state, cause, replaced }) =>
      void processes.push([slot, state, cause, replaced].filter((part) => part !== undefined).join(' ')),
    random: () => 0,
    ...deps,
  });
  const latest = (slot: number) => forks.all.findLast((worker) => worker.slot === slot) as FakeWorker;
  const ready = async (worker: FakeWorker) => {
    worker.ipc.notify(CONTROL.ready, null);
    await settle();
  };
  const startAll = async () => {
    const started = supervisor.start();
    await ready(latest(0));
    await ready(latest(1));
    return started;
  };
  const states = () => supervisor.status().map(({ slot, state }) => `${slot} ${state}`);
  const clients = () => supervisor.status().reduce((sum, row) => sum + row.clients, 0);
  const said = () => lines.filter(({ msg }) => msg.startsWith('socket server connectnum:'));
  return {
    supervisor,
    forked: forks.all,
    latest,
    ready,
    startAll,
    states,
    clients,
    said,
    lines,
    onWorkerGone,
    onWorkerSilent,
    onServing,
    processes,
  };
}
