import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Harness } from '../contract/suite.ts';
import type { SeededCase } from '../support/seed.ts';
import { GRACES_MS, openPresenceRun, type PresenceRun, type Step } from './presence-model.ts';

const STEPS = 200;
const LOOK_EVERY = 10;
/** Runs side by side: each waits a second at its end, because presence changes are gathered for so long. Each has its own store, whose time it lets pass. */
const LANES = 5;
/** A run starts again when the machine stood still for longer than a call to the store may take. */
const TRIES = 10;

const any = fc.nat(1_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ does: fc.constant('join'), worker: any, user: any, room: any }) },
  { weight: 12, arbitrary: fc.record({ does: fc.constantFrom('leave', 'cut'), member: any }) },
  { weight: 20, arbitrary: fc.record({ does: fc.constant('refresh'), member: any, worker: any }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constantFrom('killWorker', 'killHost', 'freeze'), worker: any }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('reap'), worker: any }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('lateWrite'), dead: any, room: any }) },
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constantFrom('mute', 'ban', 'lift'), user: any, room: any }),
  },
) as fc.Arbitrary<Step>;

/** The store refused a call of the run itself. */
function wasUnavailable(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('refused: unavailable');
}

/** Plays random steps on workers of a store and compares what the rooms were told with what happened. */
export function presenceModel(
  name: string,
  harness: () => Promise<Harness>,
  { runs, cases }: { readonly runs: number; readonly cases: readonly SeededCase[] },
): void {
  describe.each(cases)(`presence on ${name}, seed $seed`, ({ seed, path }) => {
    let stores: readonly Harness[] = [];
    beforeAll(async () => {
      stores = await Promise.all(Array.from({ length: LANES }, harness));
    });
    afterAll(() => Promise.all(stores.map((store) => store.close())));

    it(`is what happened, after ${STEPS} random joins, leaves, refreshes, cuts, deaths, mutes and bans, ${runs} times`, {
      timeout: Math.max(600_000, runs * 10_000),
    }, async () => {
      let carriedOut = 0;
      /** False: the store was away meanwhile, and it says nothing. */
      async function carryOut(store: Harness, steps: readonly Step[], graceMs: number): Promise<boolean> {
        let run: PresenceRun | undefined;
        try {
          run = await openPresenceRun(store, graceMs);
          for (const [index, one] of steps.entries()) {
            await run.run(one);
            if (index % LOOK_EVERY === 0) await run.neverNegative();
          }
          await run.settle();
          carriedOut += 1;
          return true;
        } catch (error) {
          if (!run?.storeWasAway() && !wasUnavailable(error)) throw error;
          return false;
        } finally {
          await run?.close();
        }
      }
      async function carryThrough(steps: readonly Step[], lane: number): Promise<void> {
        const graceMs = GRACES_MS[lane % GRACES_MS.length] as number;
        const store = stores[lane] as Harness;
        for (let tries = 0; tries < TRIES; tries += 1) if (await carryOut(store, steps, graceMs)) return;
        throw new Error(`the store was away in ${TRIES} tries`);
      }
      const steps = fc.array(step, { minLength: STEPS, maxLength: STEPS, size: 'max' });
      const lanes = fc.array(steps, { minLength: LANES, maxLength: LANES, size: 'max' });
      const holds = fc.asyncProperty(lanes, async (all) => {
        const ended = await Promise.allSettled(all.map(carryThrough));
        for (const one of ended) if (one.status === 'rejected') throw one.reason;
      });
      const numRuns = Math.ceil(runs / LANES);
      const from = path === undefined ? {} : { path };
      await fc.assert(holds, { ...from, numRuns, endOnFailure: true, verbose: 0, seed });
      // With a path it begins at the run that the path leads to.
      if (path === undefined) expect(carriedOut).toBe(numRuns * LANES);
      else expect(carriedOut).toBeGreaterThan(0);
    });
  });
}
