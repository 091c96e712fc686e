import { describe, expect, it, vi } from 'vitest';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import { createOnline } from '../../src/server/online.ts';

function watched() {
  const stored = new Set<string>();
  let away = false;
  const setOnline = vi.fn(async (userId: string, online: boolean) => {
    if (away) return refuse('unavailable', 'away', 1);
    if (online) stored.add(userId);
    else stored.delete(userId);
    return succeed(undefined);
  });
  return { stored, setOnline, online: createOnline({ setOnline }), goAway: (yes: boolean) => (away = yes) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('which users are online on a worker', () => {
  it('is told of a user once, however many tabs come and go', async () => {
    const { stored, setOnline, online } = watched();
    online.come('ann');
    online.come('ann');
    online.go('ann');
    await settled();
    expect([...stored]).toEqual(['ann']);
    expect(setOnline).toHaveBeenCalledTimes(1);
    online.go('ann');
    await settled();
    expect([...stored]).toEqual([]);
  });

  it('is true again after the store was away, for who came and for who went meanwhile', async () => {
    const { stored, online, goAway } = watched();
    online.come('ann');
    await settled();
    goAway(true);
    online.go('ann');
    online.come('bob');
    online.come('carl');
    online.go('carl');
    await settled();
    expect([...stored]).toEqual(['ann']);
    goAway(false);
    online.restate();
    await settled();
    expect([...stored]).toEqual(['bob']);
  });
});
