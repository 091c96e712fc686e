import { describe, expect, it } from 'vitest';
import { createEventQueue } from '../../src/server/event-queue.ts';

describe('the events of one connection', () => {
  it('take effect in the order sent, while says do not wait for one another', async () => {
    const queue = createEventQueue();
    const seen: string[] = [];
    const gates = new Map<string, () => void>();
    const task = (name: string) => async () => {
      seen.push(`${name} starts`);
      await new Promise<void>((resolve) => gates.set(name, resolve));
      seen.push(`${name} ends`);
    };
    const idle = () => new Promise((resolve) => setImmediate(resolve));
    const done = [
      queue.run('inTurn', task('join')),
      queue.run('pipelined', task('say 1')),
      queue.run('pipelined', task('say 2')),
      queue.run('inTurn', task('leave')),
      queue.run('pipelined', task('say 3')),
    ];
    await idle();
    expect(seen).toEqual(['join starts']);
    gates.get('join')?.();
    await idle();
    expect(seen.slice(2)).toEqual(['say 1 starts', 'say 2 starts']);
    gates.get('say 2')?.();
    await idle();
    expect(seen.at(-1)).toBe('say 2 ends');
    gates.get('say 1')?.();
    await idle();
    expect(seen.at(-1)).toBe('leave starts');
    gates.get('leave')?.();
    await idle();
    expect(seen.at(-1)).toBe('say 3 starts');
    gates.get('say 3')?.();
    await Promise.all(done);
  });

  it('go on after one of them failed', async () => {
    const queue = createEventQueue();
    const failed = queue.run('inTurn', () => Promise.reject(new Error('bug')));
    await expect(failed).rejects.toThrow('bug');
    expect(await queue.run('inTurn', async () => 'next')).toBe('next');
  });

  it('are refused when too many wait, and taken again when they are done', async () => {
    const queue = createEventQueue();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const waiting = Array.from({ length: 10_000 }, () => queue.run('inTurn', () => gate));
    expect(await queue.run('inTurn', async () => 'late')).toMatchObject({
      error: { code: 'rate_limited' },
    });
    open();
    await Promise.all(waiting);
    expect(await queue.run('inTurn', async () => 'now')).toBe('now');
  });
});
