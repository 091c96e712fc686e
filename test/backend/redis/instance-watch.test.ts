import { describe, expect, it } from 'vitest';
import { createInstanceWatch } from '../../../src/backend/redis/presence/instance-watch.ts';

const HOUR_MS = 3_600_000;

/** Two instances in a store whose clock can be set, and a third that watches them. */
function setUp() {
  let elapsedMs = 0;
  let stepMs = 0;
  const leases = new Map([
    ['a', 0],
    ['b', 0],
  ]);
  const watch = createInstanceWatch(() => elapsedMs);
  const storeMs = () => 1_000_000_000 + elapsedMs + stepMs;
  return {
    watch,
    pass: (ms: number) => {
      elapsedMs += ms;
    },
    step: (ms: number) => {
      stepMs += ms;
    },
    heartbeat: (...instances: string[]) => {
      for (const instanceId of instances) leases.set(instanceId, storeMs());
    },
    look: () => {
      const all = [...leases].map(([instanceId, at]) => ({
        instanceId,
        leaseEndMs: at + 9_000,
        silentMs: storeMs() - at,
      }));
      return Object.fromEntries(
        watch.observe(all).map((silence, index) => [all[index]?.instanceId ?? '', silence] as const),
      );
    },
  };
}

describe('the watch on silent workers', () => {
  it('measures it since the last heartbeat, however seldom it looks', () => {
    const { pass, heartbeat, look } = setUp();
    heartbeat('a', 'b');
    look();
    pass(1_000);
    heartbeat('a');
    pass(500);
    expect(look()).toMatchObject({ a: { silentMs: 500, certainMs: 500 }, b: { silentMs: 1_500 } });
    pass(1_500);
    expect(look()).toMatchObject({ a: { silentMs: 2_000 }, b: { silentMs: 3_000, certainMs: 3_000 } });
  });

  it.each([15_000, -15_000, HOUR_MS, -HOUR_MS])(
    'considers no worker dead if the store’s clock steps by %d ms, and still finds dead ones',
    (stepMs) => {
      const { pass, step, heartbeat, look } = setUp();
      heartbeat('a', 'b');
      look();
      for (let second = 1; second <= 20; second += 1) {
        if (second === 3) step(stepMs);
        pass(1_000);
        if (second % 2 === 0) heartbeat('a');
        const { a, b } = look();
        expect(a?.silentMs).toBeLessThanOrEqual(2_000);
        expect(b).toEqual({ silentMs: second * 1_000, certainMs: second * 1_000 });
      }
    },
  );

  it('uses the store’s clock at its first look, but is not certain', () => {
    const { pass, heartbeat, look } = setUp();
    heartbeat('a', 'b');
    pass(60_000);
    heartbeat('a');
    expect(look()).toEqual({ a: { silentMs: 0, certainMs: 0 }, b: { silentMs: 60_000, certainMs: 0 } });
    pass(1_000);
    expect(look()).toMatchObject({ b: { silentMs: 61_000, certainMs: 1_000 } });
  });

  it('does not count the time in which it was frozen', () => {
    const { pass, heartbeat, look } = setUp();
    heartbeat('a', 'b');
    look();
    pass(60_000);
    expect(look()).toMatchObject({ a: { silentMs: 4_000 }, b: { silentMs: 4_000 } });
  });

  it('does not count the time in which the store took no heartbeats, its own included', () => {
    const { watch, pass, heartbeat, look } = setUp();
    heartbeat('a', 'b');
    watch.onHeartbeat();
    look();
    for (let second = 0; second < 60; second += 1) {
      pass(1_000);
      look();
    }
    expect(look()).toMatchObject({ a: { silentMs: 4_000 }, b: { silentMs: 4_000 } });
    watch.onHeartbeat();
    pass(1_000);
    heartbeat('a');
    expect(look()).toMatchObject({ a: { silentMs: 0 }, b: { silentMs: 5_000 } });
  });
});
