import { setTimeout as pause } from 'node:timers/promises';
import { type Crowd, openCrowd } from '../../src/load/driver/crowd.ts';
import type { RunningSystem, System, SystemOptions } from './systems/system.ts';

/** Subscriptions that were asked for while clients joined are through by then. */
const SETTLE_MS = 300;

export interface Stage {
  readonly system: RunningSystem;
  readonly crowd: Crowd;
}

/** Server and clients for one run; fails it if anything went wrong by its end. */
export async function onStage<T>(
  system: System,
  options: SystemOptions & { readonly drivers?: number },
  run: (stage: Stage) => Promise<T>,
): Promise<T> {
  const opening = openCrowd(system.dialectName, options.drivers ?? 1);
  const running = await system.open(options).catch(async (error: unknown) => {
    await (await opening).close();
    throw error;
  });
  try {
    const crowd = await opening;
    try {
      const outcome = await run({ system: running, crowd });
      await checkCrowd(crowd, running);
      return outcome;
    } finally {
      await crowd.close();
    }
  } finally {
    await running.stop();
  }
}

/** Every message came to every member, once and in order, and everybody is still there. */
export async function checkCrowd(crowd: Crowd, system: RunningSystem): Promise<void> {
  const { lost, again, foreign, cut, words } = await crowd.settle();
  const deaths = system.deaths();
  if (lost + again + foreign + cut + deaths === 0) return;
  throw new Error(
    `lost ${lost}, repeated or out of order ${again}, said by nobody there ${foreign}, connections cut ${cut}, workers dead ${deaths}: ${words.join('; ')}`,
  );
}

/** Between joining and talking. */
export function settled(): Promise<void> {
  return pause(SETTLE_MS);
}
