import { expect, it } from 'vitest';
import { DEAF } from '../../../src/backend/redis/bus/probe.ts';
import { createBusChecks } from '../../../src/backend/redis/topology/bus-checks.ts';
import type { WorkerNode } from '../../../src/backend/redis/topology/worker-node.ts';
import { type Outcome, succeed } from '../../../src/protocol/codes.ts';
import { silent } from '../../contract/redis-harness.ts';

it('the first lost probe while another server is away makes the worker compare its rooms, and the second replaces the subscriber', async () => {
  const done: string[] = [];
  let brought: Outcome<void> = succeed(undefined);
  const server = {
    shown: 'one',
    commands: { server: () => ({ term: 'run 0 id' }) },
    bus: { probe: async () => brought },
    subscriber: { reconnect: () => done.push('replaced') },
  } as unknown as WorkerNode;
  const checks = createBusChecks({
    nodes: () => [server],
    onLoss: () => done.push('compared'),
    onRestart: () => done.push('restarted'),
    log: silent,
  });
  async function probe() {
    await checks.probeOthers();
    return done.splice(0);
  }
  expect(await probe()).toEqual([]);
  brought = DEAF;
  expect(await probe()).toEqual(['compared']);
  expect(await probe()).toEqual(['replaced']);
  brought = succeed(undefined);
  expect(await probe()).toEqual([]);
  brought = DEAF;
  expect(await probe()).toEqual(['compared']);
});
