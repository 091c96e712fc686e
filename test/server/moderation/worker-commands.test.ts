import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createWorkerCommands } from '../../../src/server/moderation/worker-commands.ts';

/** Workers that hear of one another; `carryOut` of each takes so long. */
function setUp(...tookMs: number[]) {
  let miscounting = false;
  const done: number[] = [];
  const nsps: EventEmitter[] = [];
  const orders = tookMs.map((ms, worker) => {
    const nsp = Object.assign(new EventEmitter(), {
      name: '/',
      serverSideEmit(
        event: string,
        command: string,
        acked: (failed: null, replies: unknown[]) => void = () => undefined,
      ) {
        const others = nsps.filter((other) => other !== nsp);
        if (miscounting && acked.length > 0) {
          acked(null, []);
          return;
        }
        let missing = others.length;
        const ack = () => {
          missing -= 1;
          if (missing === 0) acked(null, others);
        };
        for (const other of others) other.emit(event, command, ack);
        if (missing === 0) acked(null, []);
      },
    });
    nsps.push(nsp);
    return createWorkerCommands<string>({
      namespaces: [nsp as never],
      event: 'command',
      async carryOut(_nsp, command) {
        await new Promise((resolve) => setTimeout(resolve, ms));
        if (command === 'impossible') throw new Error('bug');
        done.push(worker);
      },
      log: pino({ level: 'silent' }),
    });
  });
  return {
    command: orders[0] as (typeof orders)[number],
    done,
    miscount: () => {
      miscounting = true;
    },
  };
}

describe('a command to all workers', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  async function answeredAfter(answer: Promise<void>, mostMs = 5_000): Promise<number> {
    const startedAt = Date.now();
    let tookMs = Number.POSITIVE_INFINITY;
    void answer.then(() => {
      tookMs = Date.now() - startedAt;
    });
    await vi.advanceTimersByTimeAsync(mostMs);
    return tookMs;
  }

  it('is answered once the slowest worker has run it', async () => {
    const { command, done } = setUp(10, 300, 20);
    expect(await answeredAfter(command('/', 'kick'))).toBe(300);
    expect(done).toEqual([0, 2, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is answered after a second if a worker is slow, which still runs it', async () => {
    const { command, done } = setUp(10, 4_000);
    expect(await answeredAfter(command('/', 'kick'))).toBe(1_000);
    expect(done).toEqual([0, 1]);
  });

  it('reaches the others while the adapter counts only this worker', async () => {
    const { command, done, miscount } = setUp(10, 20);
    miscount();
    expect(await answeredAfter(command('/', 'kick'))).toBe(10);
    expect(done).toEqual([0, 1]);
  });

  it('is answered if it fails, and for a namespace that is not served', async () => {
    const { command, done } = setUp(10, 20);
    expect(await answeredAfter(command('/', 'impossible'))).toBe(20);
    expect(await answeredAfter(command('/post', 'kick'))).toBe(0);
    expect(done).toEqual([]);
  });
});
