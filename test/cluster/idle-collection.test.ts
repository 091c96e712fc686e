import { describe, expect, test } from 'vitest';
import { createIdleCollection, openGarbageCollector } from '../../src/cluster/idle-collection.ts';

function idleProcess() {
  const state = { clients: 0, collections: 0, cpuMs: 0 };
  const { check } = createIdleCollection({
    clients: () => state.clients,
    cpuMs: () => state.cpuMs,
    collect: () => {
      state.collections += 1;
      state.cpuMs += 70;
    },
  });
  /** Each after a second that took as much of the processor. */
  const checks = (times: number, cpuMs = 5) => {
    for (let each = 0; each < times; each += 1) {
      state.cpuMs += cpuMs;
      check();
    }
  };
  return { state, checks };
}

describe('a process without clients', () => {
  test('collects after ten checks and some more, and then no longer', () => {
    const { state, checks } = idleProcess();
    checks(9);
    expect(state.collections).toBe(0);
    checks(1);
    expect(state.collections).toBe(1);
    checks(6);
    expect(state.collections).toBe(2);
    checks(100);
    expect(state.collections).toBe(2);
  });

  test('begins to count anew when a client was there', () => {
    const { state, checks } = idleProcess();
    checks(9);
    state.clients = 1;
    checks(50);
    state.clients = 0;
    checks(9);
    expect(state.collections).toBe(0);
    checks(1);
    expect(state.collections).toBe(1);
  });

  test('collects again after its last client has left', () => {
    const { state, checks } = idleProcess();
    checks(20);
    state.clients = 2;
    checks(1);
    state.clients = 0;
    checks(20);
    expect(state.collections).toBe(4);
  });

  test('does not collect while it is busy, as with requests of the HTTP API', () => {
    const { state, checks } = idleProcess();
    checks(100, 60);
    expect(state.collections).toBe(0);
    checks(9);
    expect(state.collections).toBe(0);
    checks(10);
    expect(state.collections).toBe(2);
  });
});

test('the collector frees what nothing refers to', async () => {
  const collect = openGarbageCollector();
  const freed = new WeakRef({ text: 'no longer needed' });
  // A WeakRef keeps its object for the rest of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(freed.deref()).toBeUndefined();
});
