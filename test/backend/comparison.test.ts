import { describe, expect, it } from 'vitest';
import { createComparison } from '../../src/backend/move/comparison.ts';
import type { MovedRows, RowSource, RowTarget } from '../../src/backend/moved-rows.ts';
import { succeed } from '../../src/protocol/codes.ts';

const NOW = 1_700_000_000_000;

/** Compares rows with what a store has instead of each. */
function compareRestrictions(
  rows: readonly MovedRows['restrictions'][],
  stored: (row: MovedRows['restrictions']) => MovedRows['restrictions'],
) {
  const source = { restrictions: () => rows } as unknown as RowSource;
  const read = async (row: MovedRows['restrictions']) => succeed(stored(row));
  const target = { restrictions: { read } } as unknown as RowTarget;
  const deps = { source, target, now: async () => NOW, onProgress: () => undefined };
  return createComparison(deps).compare('restrictions');
}

const LASTING = {
  tag: 'room',
  held: [
    ['ban', 'ann', undefined],
    ['mute', 'bob', NOW + 60_000],
  ],
} as const;

describe('the comparison after a move', () => {
  it('counts and sums what both stores have', async () => {
    const compared = await compareRestrictions([LASTING], (row) => ({ ...row }));
    expect(compared).toMatchObject({ kind: 'restrictions', count: 2 });
    const other = await compareRestrictions([{ ...LASTING, tag: 'other' }], (row) => row);
    expect(other.digest).not.toBe(compared.digest);
  });

  it.each([
    ['lacks something', { ...LASTING, held: LASTING.held.slice(1) }],
    ['has another end', { ...LASTING, held: [LASTING.held[0], ['mute', 'bob', NOW + 60_001] as const] }],
  ])('names kind and tag if the other store %s', async (_, stored) => {
    await expect(compareRestrictions([LASTING], () => stored)).rejects.toThrow(/restrictions, room/);
  });

  it('leaves out what ends meanwhile', async () => {
    const ending = { tag: 'room', held: [...LASTING.held, ['ban', 'carol', NOW + 1_000] as const] };
    expect(await compareRestrictions([ending], (row) => row)).toMatchObject({ count: 2 });
    const over = { ...ending, endsAt: NOW };
    expect(await compareRestrictions([over], () => LASTING)).toMatchObject({ count: 0 });
  });
});
