import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';

const standStill = (forMs: number) => {
  for (const endMs = performance.now() + forMs; performance.now() < endMs; );
};

describe('eventually', () => {
  it('looks until it no longer throws, and returns what it finds', async () => {
    let looks = 0;
    const look = () => {
      looks += 1;
      if (looks < 4) throw new Error('not yet');
      return looks;
    };
    expect(await eventually(look, { interval: 1 })).toBe(4);
  });

  it('fails with the last error when the time is over', async () => {
    let looks = 0;
    const look = async () => {
      looks += 1;
      throw new Error(`look ${looks}`);
    };
    await expect(eventually(look, { timeout: 300, interval: 1 })).rejects.toThrow(/^look \d+$/);
    expect(looks).toBeGreaterThanOrEqual(10);
  });

  it('goes on after the machine stood still for longer than the time', async () => {
    let looks = 0;
    const look = () => {
      looks += 1;
      if (looks === 2) standStill(400);
      if (looks < 5) throw new Error('not yet');
    };
    await eventually(look, { timeout: 300, interval: 1 });
  });

  it('goes on for ten looks, if each takes longer than the time', async () => {
    let looks = 0;
    const look = async () => {
      looks += 1;
      standStill(50);
      if (looks < 10) throw new Error('not yet');
    };
    await eventually(look, { timeout: 10, interval: 1 });
  });
  it('fails if a look does not end, with what the one before found', async () => {
    let looks = 0;
    const look = () => {
      looks += 1;
      if (looks === 1) throw new Error('first');
      return new Promise(() => undefined);
    };
    const failed = eventually(look, { timeout: 300, hangsAfterMs: 500 });
    await expect(failed).rejects.toMatchObject({
      message: 'look 2 does not end',
      cause: { message: 'first' },
    });
  });
});
