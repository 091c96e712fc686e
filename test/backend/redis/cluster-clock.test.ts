import { describe, expect, it } from 'vitest';
import type { RedisServer } from '../../../src/backend/redis/connection/commands.ts';
import { createClusterClock } from '../../../src/backend/redis/presence/cluster-clock.ts';
import { ROSTER_DOUBT_MS, ROSTER_LEASE_MS } from '../../../src/chat/roster.ts';

/** Redis as far as roster-heartbeat.lua goes, and workers in a time of the test's. */
function setUp() {
  let realMs = 0;
  let server: RedisServer = { term: 'run-1', previousTerm: undefined, version: '7.0.0' };
  let clusterMs = 1;
  const leases = new Map<string, number>();

  function worker(name: string) {
    const clock = createClusterClock(() => realMs);
    const least = () => Math.max(clusterMs, Number(clock.leastAt(server)));
    return {
      clock,
      heartbeat(latencyMs = 0) {
        const sent = least();
        realMs += latencyMs;
        clusterMs = Math.max(clusterMs, sent);
        leases.set(name, clusterMs + ROSTER_LEASE_MS);
        const replied = clusterMs;
        realMs += latencyMs;
        clock.onHeartbeat(replied, server);
      },
      /** The silence of another worker, as this one sees it. */
      silenceOf: (other: string) => least() - ((leases.get(other) ?? 0) - ROSTER_LEASE_MS),
      timeMs: least,
    };
  }
  return {
    worker,
    pass: (ms: number) => {
      realMs += ms;
    },
    realMs: () => realMs,
    /** Another server takes over: it has what the last one had some time ago. */
    failOver(lostMs: number) {
      server = { ...server, term: `run-${realMs}` };
      clusterMs = Math.max(1, clusterMs - lostMs);
      for (const [name, endMs] of leases) leases.set(name, endMs - lostMs);
    },
  };
}

describe('the cluster’s time', () => {
  it('measures the silence of another worker', () => {
    const { worker, pass } = setUp();
    const [a, b] = [worker('a'), worker('b')];
    a.heartbeat();
    b.heartbeat();
    for (let second = 1; second <= 20; second += 1) {
      pass(1_000);
      if (second % 2 === 0) a.heartbeat();
      expect(a.silenceOf('b')).toBe(second * 1_000);
    }
  });

  it('is the same for a worker that has just started', () => {
    const { worker, pass } = setUp();
    const [a, b] = [worker('a'), worker('b')];
    b.heartbeat();
    for (let second = 0; second < 8; second += 2) {
      a.heartbeat();
      pass(2_000);
    }
    const c = worker('c');
    a.heartbeat();
    expect(c.silenceOf('b')).toBe(8_000);
  });

  it('stands still while no heartbeat is written', () => {
    const { worker, pass } = setUp();
    const [a, b] = [worker('a'), worker('b')];
    a.heartbeat();
    b.heartbeat();
    pass(60_000);
    expect(a.silenceOf('b')).toBe(4_000);
    a.heartbeat();
    pass(1_000);
    expect(a.silenceOf('b')).toBe(5_000);
  });

  it('makes nobody seem silent after a store that refused heartbeats for a while', () => {
    const { worker, pass } = setUp();
    const workers = [worker('a'), worker('b'), worker('c'), worker('d')];
    for (let n = 0; n < 20; n += 1) {
      pass(500);
      workers[n % 4]?.heartbeat();
    }
    // Each sends one in its turn, which the store refuses.
    for (let n = 0; n < 8; n += 1) {
      pass(500);
      workers[n % 4]?.clock.onRefused();
    }
    workers[3]?.heartbeat();
    for (const name of ['a', 'b', 'c', 'd'])
      expect(workers[3]?.silenceOf(name)).toBeLessThan(ROSTER_DOUBT_MS);
  });

  it('does not jump for a worker that was frozen', () => {
    const { worker, pass } = setUp();
    const [a, b] = [worker('a'), worker('b')];
    b.heartbeat();
    for (let second = 0; second < 60; second += 2) {
      a.heartbeat();
      pass(2_000);
    }
    const before = a.timeMs();
    b.heartbeat();
    expect(b.timeMs()).toBeLessThanOrEqual(before);
    expect(worker('c').timeMs()).toBeLessThanOrEqual(before);
  });

  it('ends no lease when a replica takes over that lacks the last heartbeats', () => {
    const { worker, pass, failOver } = setUp();
    const [a, b] = [worker('a'), worker('b')];
    for (let second = 0; second < 60; second += 2) {
      a.heartbeat();
      b.heartbeat();
      pass(2_000);
    }
    failOver(20_000);
    a.heartbeat();
    expect(a.silenceOf('b')).toBeLessThanOrEqual(4_000);
    pass(2_000);
    a.heartbeat();
    b.heartbeat();
    pass(1_000);
    expect(a.silenceOf('b')).toBe(1_000);
  });

  it('is never ahead of real time and falls behind by one delay at most, however late replies are', () => {
    const { worker, pass, realMs } = setUp();
    const workers = [worker('a'), worker('b'), worker('c')];
    for (const one of workers) one.heartbeat();
    const startedMs = realMs() - (workers[0]?.timeMs() ?? 0);
    for (let n = 0; n < 300; n += 1) {
      pass(500);
      workers[n % 3]?.heartbeat((n * 37) % 200);
      const behindMs = realMs() - startedMs - (workers[n % 3]?.timeMs() ?? 0);
      expect(behindMs).toBeGreaterThanOrEqual(0);
      expect(behindMs).toBeLessThanOrEqual(400);
    }
  });
});
