import { describe, expect, it } from 'vitest';
import { createSaturation } from '../../src/cluster/saturation.ts';

const STEP_MS = 100;

function setUp() {
  let at = 0;
  let cpu = 0;
  let busy = 0;
  const saturation = createSaturation({ now: () => at, cpuMs: () => cpu, utilization: () => busy });
  return {
    level: saturation.level,
    /** Works with that share of a core, while gathering spares another. */
    work(share: number, { spared = 0, busy: loopBusy = share, steps = 20 } = {}) {
      for (let step = 0; step < steps; step += 1) {
        at += STEP_MS;
        cpu += share * STEP_MS;
        busy = loopBusy;
        saturation.spared(spared * STEP_MS);
        saturation.level();
      }
    },
    rest(ms: number) {
      at += ms;
    },
  };
}

describe('the saturation of a worker', () => {
  it('is zero below 70 % of a core, so that nothing waits', () => {
    const { work, level } = setUp();
    work(0.69, { steps: 100 });
    expect(level()).toBe(0);
  });

  it('grows with the load above that, up to one', () => {
    const { work, level } = setUp();
    work(0.8);
    expect(level()).toBeCloseTo(0.5, 2);
    work(0.95);
    expect(level()).toBeCloseTo(1, 2);
  });

  it('does not fall because gathering saves the work', () => {
    const { work, level } = setUp();
    work(1);
    work(0.3, { spared: 0.7 });
    expect(level()).toBeCloseTo(1, 2);
  });

  it('ends when the load that would be there without gathering ends', () => {
    const { work, level } = setUp();
    work(0.3, { spared: 0.7 });
    work(0.3, { spared: 0.1 });
    expect(level()).toBeLessThan(0.001);
  });

  it('does not begin because other processes make each turn longer', () => {
    const { work, level } = setUp();
    work(0.3, { busy: 0.88 });
    expect(level()).toBe(0);
  });

  it('begins if the event loop is hardly ever idle on a fraction of a core', () => {
    const { work, level } = setUp();
    work(0.4, { busy: 1 });
    expect(level()).toBeCloseTo(1, 2);
  });

  it('hardly rises for one long turn', () => {
    const { work, level } = setUp();
    work(0.2);
    work(1, { steps: 1 });
    work(0.2, { steps: 3 });
    expect(level()).toBeLessThan(0.1);
  });

  it('is zero after a rest', () => {
    const { work, rest, level } = setUp();
    work(1);
    rest(5_000);
    expect(level()).toBe(0);
  });
});
