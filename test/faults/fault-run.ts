import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FinalLog, HistoryRecord } from '../../src/load/checker/history.ts';
import type { Random } from '../../src/load/random.ts';
import type { Effect } from './chatter.ts';
import { openCrowd, ROOMS_PER_CLIENT } from './crowd.ts';
import { readFinalLogs } from './final-logs.ts';
import { countHearing, countLate, flowsAgainMs } from './flow.ts';
import type { Plan } from './plan.ts';
import { clock } from './recorder.ts';
import type { Stage } from './stage.ts';

export interface Timing {
  readonly clients: number;
  readonly rooms: number;
  readonly perSecond: number;
  /** Steady load before the fault, after it, and in all at least. */
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly atLeastMs: number;
}

export const FULL: Timing = {
  clients: 40,
  rooms: 10,
  perSecond: 200,
  beforeMs: 6_000,
  afterMs: 9_000,
  atLeastMs: 20_000,
};

/** Below it nothing that a fault did is seen: how late a delivery may be on a busy machine. */
const LATE_MS = 700;
/** How long after its end a fault still explains an error in the logs. */
const AFTERMATH_MS = 6_000;

/** What happened, not yet judged. */
export interface RunOutcome {
  readonly plan: Plan;
  readonly records: readonly HistoryRecord[];
  readonly finals: readonly FinalLog[];
  readonly flowsAgainMs: number;
  /** Memberships that should have heard something and recorded nothing. */
  readonly deaf: number;
  /** Messages without an answer when all was over. */
  readonly pending: number;
  /** Members and readers of event streams who were not back in their rooms when all was over. */
  readonly away: number;
  readonly effects: Readonly<Record<Effect | 'bites' | 'repairs' | 'late', number>>;
  readonly maxRssBytes: number;
  readonly unexpectedExits: number;
  readonly errorLines: readonly string[];
}

/** Steady load with the fault in its middle. `tag` keeps the rooms of runs on one stage apart. */
export async function runFault(
  stage: Stage,
  plan: Plan,
  timing: Timing,
  random: Random,
  tag: string,
): Promise<RunOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'roomcast-faults-'));
  const rooms = Array.from({ length: timing.rooms }, (_, n) => `${tag}-${n}`);
  const { kind, urls, apiKey, watch } = stage;
  const { clients, perSecond } = timing;
  watch.reset();
  const file = join(folder, 'records.jsonl');
  const readers = apiKey === undefined ? 0 : rooms.length;
  const crowd = await openCrowd({ kind, urls, apiKey, rooms, clients, perSecond, file });
  try {
    crowd.load();
    const begunAt = clock();
    await pause(timing.beforeMs);
    const faultAt = clock();
    const bites = await plan.run(stage, random, rooms);
    const endedAt = clock();
    await pause(Math.max(timing.afterMs, timing.atLeastMs - (endedAt - begunAt)));
    await stage.started();
    const { pending, away } = await crowd.quiet();
    const finals = kind === 'roomcast' ? await readFinalLogs(stage.workerUrls.at(-1) as string, rooms) : [];
    const { records, effects } = await crowd.end();
    const detail = { name: plan.name, detail: plan.title };
    return {
      plan,
      records: [
        ...records,
        { kind: 'fault', t: faultAt, ...detail, at: 'start' },
        { kind: 'fault', t: endedAt, ...detail, at: 'end' },
      ],
      finals,
      flowsAgainMs: flowsAgainMs(records, endedAt),
      deaf: clients * ROOMS_PER_CLIENT + readers - countHearing(records),
      pending,
      away,
      effects: { ...effects, bites, repairs: watch.repairs(), late: countLate(records, LATE_MS) },
      maxRssBytes: watch.maxRssBytes,
      unexpectedExits: watch.unexpectedExits,
      errorLines: watch.errorLines({ from: faultAt - 200, to: endedAt + AFTERMATH_MS }),
    };
  } finally {
    crowd.kill();
    await rm(folder, { recursive: true, force: true });
  }
}
