import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import { createHealth } from '../../src/server/health.ts';

function watched() {
  const told: string[] = [];
  const faults = { store: false, bus: false, server: false };
  const away = refuse('unavailable', 'away', 1);
  const health = createHealth({
    checkStore: async () => (faults.store ? away : succeed(undefined)),
    awayServers: () => (faults.server ? ['redis2:6379'] : []),
    bus: {
      probe: async () => (faults.bus ? away : succeed(undefined)),
      reconnect: () => void told.push('reconnect'),
    },
    resync: () => void told.push('resync'),
    onProbeMissed: () => void told.push('missed'),
    onDegraded: () => void told.push('degraded'),
    onRestored: () => void told.push('restored'),
    now: Date.now,
    log: pino({ level: 'silent' }),
  });
  return { told, faults, health };
}

describe('the health of a worker', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('is unknown before the first check, and good after it', async () => {
    const { health, told } = watched();
    expect(health.state().ok).toBe(false);
    await health.firstCheck;
    expect(health.state().ok).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual([]);
    health.close();
  });

  it('is known after a failed first check, too', async () => {
    const { health, told, faults } = watched();
    faults.bus = true;
    await health.firstCheck;
    expect(told).toEqual(['missed', 'degraded']);
    expect(health.state()).toMatchObject({ error: { message: 'away' } });
    health.close();
  });

  it('is degraded and ready while one of several servers is away', async () => {
    const { health, told, faults } = watched();
    await health.firstCheck;
    faults.server = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual(['degraded']);
    expect(health.state().ok).toBe(true);
    expect(health.degradedSince()).toBeDefined();
    expect([health.isAway(), health.awayServers()]).toEqual([false, 1]);
    faults.store = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(health.state().ok).toBe(false);
    expect([health.isAway(), health.awayServers()]).toEqual([true, 0]);
    faults.store = false;
    await vi.advanceTimersByTimeAsync(1_000);
    faults.server = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual(['degraded', 'resync', 'resync', 'restored']);
    health.close();
  });

  it('compares the rooms once the store is back, although one of its servers stays away', async () => {
    const { health, told, faults } = watched();
    await health.firstCheck;
    faults.server = true;
    await vi.advanceTimersByTimeAsync(1_000);
    faults.store = true;
    await vi.advanceTimersByTimeAsync(5_000);
    faults.store = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual(['degraded', 'resync']);
    expect([health.isAway(), health.awayServers()]).toEqual([false, 1]);
    health.close();
  });

  it('is degraded once while the store is away; on return the rooms are compared before it is restored', async () => {
    const { health, told, faults } = watched();
    await vi.advanceTimersByTimeAsync(0);
    faults.store = true;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(told).toEqual(['degraded']);
    expect(health.degradedSince()).toBeDefined();
    expect(health.state()).toMatchObject({ error: { code: 'unavailable' } });
    faults.store = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual(['degraded', 'resync', 'restored']);
    expect(health.degradedSince()).toBeUndefined();
    expect(health.counters).toEqual({ probesMissed: 0, reconnects: 0 });
    health.close();
  });

  it('compares the rooms and reconnects a bus that delivers nothing though the store answers, until it delivers', async () => {
    const { health, told, faults } = watched();
    await vi.advanceTimersByTimeAsync(0);
    faults.bus = true;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(told).toEqual(['missed', 'degraded', 'missed', 'reconnect']);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(told.slice(4)).toEqual(['missed', 'missed', 'reconnect']);
    expect(health.counters).toEqual({ probesMissed: 4, reconnects: 2 });
    faults.bus = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.slice(7)).toEqual(['resync', 'restored']);
    health.close();
  });

  it('is checked no more once it is closed', async () => {
    const { health } = watched();
    health.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
