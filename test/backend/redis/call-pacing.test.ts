import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCallPacing } from '../../../src/backend/redis/connection/call-pacing.ts';
import { createSaturation } from '../../../src/cluster/saturation.ts';

function setUp(saturation = 1) {
  let level = saturation;
  const written: string[] = [];
  const pacing = createCallPacing({
    now: () => performance.now(),
    saturation: () => level,
    onSpared: () => undefined,
  });
  const startedAt = performance.now();
  const call = (name: string, prompt = false) =>
    pacing.schedule(() => written.push(`${name} at ${Math.round(performance.now() - startedAt)}`), prompt);
  return {
    pacing,
    written,
    call,
    prompt: (name: string) => call(name, true),
    become(saturation: number) {
      level = saturation;
    },
  };
}

/** So that it knows how saturated the worker is and how many calls come: what is looked at begins after 200 ms. */
async function warmUp({ prompt, written }: ReturnType<typeof setUp>, perSecond = 500): Promise<void> {
  for (let tenth = 0; tenth < 2; tenth += 1) {
    for (let n = 0; n < perSecond / 10; n += 1) prompt('before');
    await vi.advanceTimersByTimeAsync(100);
  }
  written.length = 0;
}

describe('calls to the store', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => vi.useRealTimers());

  it('are written at once by a worker whose event loop is no bottleneck', async () => {
    const stage = setUp(0);
    await warmUp(stage);
    stage.call('a');
    stage.call('b');
    expect(stage.written).toEqual(['a at 200', 'b at 200']);
  });

  it('of a saturated worker are written at once if they are alone, and together if they follow others closely', async () => {
    const stage = setUp();
    await warmUp(stage);
    stage.call('alone');
    await vi.advanceTimersByTimeAsync(2);
    stage.call('b');
    await vi.advanceTimersByTimeAsync(5);
    stage.call('c');
    expect(stage.written).toEqual(['alone at 200']);
    await vi.advanceTimersByTimeAsync(3);
    expect(stage.written).toEqual(['alone at 200', 'b at 210', 'c at 210']);
    await vi.advanceTimersByTimeAsync(50);
    stage.call('d');
    expect(stage.written.at(-1)).toBe('d at 260');
  });

  it('are written at once while they are too few to gather', async () => {
    const stage = setUp();
    await warmUp(stage, 300);
    stage.call('a');
    stage.call('b');
    expect(stage.written).toEqual(['a at 200', 'b at 200']);
  });

  it('wait the less, the less saturated the worker is', async () => {
    const stage = setUp(0.5);
    await warmUp(stage);
    stage.call('a');
    stage.call('b');
    await vi.advanceTimersByTimeAsync(4);
    expect(stage.written).toEqual(['a at 200']);
    await vi.advanceTimersByTimeAsync(1);
    expect(stage.written).toEqual(['a at 200', 'b at 205']);
  });

  it('that are prompt do not wait, take all waiting calls along, and keep their order', async () => {
    const stage = setUp();
    await warmUp(stage);
    stage.call('join 1');
    stage.call('join 2');
    await vi.advanceTimersByTimeAsync(1);
    stage.prompt('say 1');
    expect(stage.written).toEqual(['join 1 at 200', 'join 2 at 201', 'say 1 at 201']);
    await vi.advanceTimersByTimeAsync(1);
    stage.call('join 3');
    stage.prompt('say 2');
    await vi.advanceTimersByTimeAsync(8);
    expect(stage.written).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(1);
    expect(stage.written.slice(3)).toEqual(['join 3 at 211', 'say 2 at 211']);
  });

  it('are not held back by how saturated it was long ago', async () => {
    const stage = setUp();
    await warmUp(stage);
    stage.become(0);
    await vi.advanceTimersByTimeAsync(5_000);
    stage.call('a');
    stage.call('b');
    expect(stage.written).toEqual(['a at 5200', 'b at 5200']);
  });

  it('that wait are written when it closes', async () => {
    const stage = setUp();
    await warmUp(stage);
    stage.call('a');
    stage.call('b');
    stage.pacing.close();
    expect(stage.written).toEqual(['a at 200', 'b at 200']);
    await vi.advanceTimersByTimeAsync(50);
    expect(stage.written).toHaveLength(2);
  });
});

/** A worker whose only work are calls that come one in a turn: alone, one costs 141 µs, and each further one of a write 24. */
function workerWith(perTenth: number) {
  let cpuMs = 0;
  let writtenAt = -1;
  const now = () => performance.now();
  const saturation = createSaturation({ now, cpuMs: () => cpuMs, utilization: () => 0 });
  const { level, spared: onSpared } = saturation;
  const pacing = createCallPacing({ now, saturation: level, onSpared });
  return {
    /** Takes calls for a tenth of a second. Returns the level after it. */
    async tenth(): Promise<number> {
      for (let n = 0; n < perTenth; n += 1) {
        pacing.schedule(() => {
          cpuMs += writtenAt === now() ? 0.024 : 0.141;
          writtenAt = now();
        }, true);
        await vi.advanceTimersByTimeAsync(100 / perTenth);
      }
      return level();
    },
  };
}

describe('a worker that is saturated by its calls to the store', () => {
  beforeEach(() =>
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }),
  );
  afterEach(() => vi.useRealTimers());

  it('keeps gathering them as long as it would be saturated without', async () => {
    const { tenth } = workerWith(600);
    for (let n = 0; n < 5; n += 1) await tenth();
    const levels: number[] = [];
    for (let n = 0; n < 6; n += 1) levels.push(await tenth());
    expect(Math.max(...levels) - Math.min(...levels)).toBeLessThan(0.15);
    expect(Math.min(...levels)).toBeGreaterThan(0.5);
  });
});
