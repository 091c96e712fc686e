import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leakedBy } from '../leaks/leaks.ts';
import { type LeakStage, openLeakStage } from '../leaks/waves.ts';
import { MODES } from '../support/system.ts';

/** The nightly run has 20 waves of 1,000 clients each. */
const WAVES = 6;
const CLIENTS = 50;
/** It only ends what hangs: 300 connections in each mode may take a busy machine a minute. */
const LIMIT_MS = 240_000;

describe.concurrent.each(MODES)('clients who came and went, %s mode', (mode) => {
  let stage: LeakStage;
  beforeAll(async () => {
    stage = await openLeakStage(mode);
  });
  afterAll(() => stage?.close());

  it('leave nothing behind in the collections, the heaps and the store but what has its time', {
    timeout: LIMIT_MS,
  }, async () => {
    const { grown, heapRatios } = await leakedBy(stage, WAVES, CLIENTS);
    expect(grown).toEqual([]);
    expect(Math.max(...heapRatios)).toBeLessThan(1.1);
    if (mode === 'cluster') expect(await stage.keyKinds()).toEqual(['ids', 'log', 'meta']);
  });
});
