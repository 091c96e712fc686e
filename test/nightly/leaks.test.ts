import { describe, expect, it } from 'vitest';
import { leakedBy } from '../leaks/leaks.ts';
import { openLeakStage } from '../leaks/waves.ts';
import { MODES } from '../support/system.ts';

const WAVES = 20;
const CLIENTS = 1_000;

describe.each(MODES)(`${WAVES} waves of ${CLIENTS} clients, %s mode`, (mode) => {
  it('leave nothing behind in the collections and the heap of any process', {
    timeout: 1_800_000,
  }, async () => {
    const stage = await openLeakStage(mode);
    try {
      const { grown, heapRatios } = await leakedBy(stage, WAVES, CLIENTS);
      expect(grown).toEqual([]);
      expect(Math.max(...heapRatios)).toBeLessThan(1.1);
    } finally {
      await stage.close();
    }
  });
});
