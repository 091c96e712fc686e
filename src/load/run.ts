import { type Crowd, openCrowd } from './driver/crowd.ts';
import type { Dialect } from './driver/dialect.ts';
import { openDialect } from './driver/dialects.ts';
import { elapsed } from './elapsed.ts';
import { checkMembers, type MembersVerdict } from './members-check.ts';
import { planClients } from './plan/clients.ts';
import type { LoadOptions } from './plan/options.ts';
import type { LoadProgress } from './progress.ts';
import { createRandom } from './random.ts';
import type { FaultMark, LoadResult, StepFigures } from './result.ts';
import { type Load, type RunFacts, resultOf } from './run-result.ts';
import { openFaults } from './server/inject-faults.ts';
import type { LocalServers } from './server/local-processes.ts';
import { addLate, mergedStretch, stepOf } from './steps.ts';
import { createTimeline, type Stretch, type Timeline } from './timeline.ts';

/** Clients that did not get in by then go on trying while the others talk. */
const RAMP_GRACE_MS = 10_000;
/** The most messages of one client that may be unanswered; others are due, and wait. */
const UNACKED = 64;
/** One delivery in so many is timed, and every one is checked. */
const TIMED_ONE_IN = 16;
/** The memory for the newest messages of all rooms of a process. */
const KEPT_BYTES = 64 * 1024 * 1024;
const MIN_KEPT = 16;
const MAX_KEPT = 1_024;
/** The bytes of a message on the wire beside its text. */
const FRAME_BYTES = 300;

export interface RunDeps extends RunFacts {
  /** Different in each run, as the beginning of the names of its rooms and users. */
  readonly runName: string;
  readonly tokenOf: ((name: string) => string) | undefined;
  readonly local: LocalServers | undefined;
  /** Aborted by Ctrl-C: the run ends early, with a valid result. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: LoadProgress) => void;
}

/** Runs a load and judges what came of it. */
export async function runLoad(options: LoadOptions, deps: RunDeps): Promise<LoadResult> {
  const run = await openRun(options, deps, 1);
  try {
    await run.ramp();
    return await run.finish(await talk(options, run.offered, deps, run.crowd, run.timeline));
  } finally {
    await run.close();
  }
}

/** The clients of one server, or of several that share them, from the first connection to the verdict. */
export interface Run {
  readonly crowd: Crowd;
  readonly timeline: Timeline;
  /** The rates that are said one after the other. */
  readonly offered: readonly number[];
  ramp(): Promise<void>;
  /** Waits for what was said, and judges it. */
  finish(load: Load): Promise<LoadResult>;
  close(): Promise<void>;
}

/** `turns`: with another server beside it, the planned time is that of both. */
export async function openRun(options: LoadOptions, deps: RunDeps, turns: number): Promise<Run> {
  const { config } = options;
  const dialect = await openDialect(options.dialectName);
  const crowd = await openCrowd(options.dialectName, config.processes);
  const offered = config.stepRatesPerS.length > 0 ? config.stepRatesPerS : [config.ratePerS];
  const timeline = createTimeline({
    config,
    crowd,
    local: deps.local,
    plannedMs: turns * ((config.clients / config.rampPerS) * 1_000 + offered.length * config.durationMs),
    onProgress: deps.onProgress,
  });
  let rooms: readonly string[] = [];
  return {
    crowd,
    timeline,
    offered,
    async ramp() {
      rooms = await ramp(options, deps, dialect, crowd, timeline);
    },
    async finish(load) {
      const settling = timeline.begin('settle', 0);
      const settled = await timeline.follow(crowd.settle());
      addLate(load.whole, settling);
      const members = await timeline.follow(membersOf(dialect, crowd, rooms));
      const { comparison } = crowd;
      const tookMs = timeline.atMs();
      return resultOf({ config, facts: deps, dialect, timeline, load, settled, members, comparison, tookMs });
    },
    close: () => crowd.close(),
  };
}

async function ramp(
  { config, servers }: LoadOptions,
  { runName, tokenOf, signal }: RunDeps,
  { numberedBy }: Dialect,
  crowd: Crowd,
  timeline: Timeline,
): Promise<readonly string[]> {
  const { clients, rooms, sharedRooms, processOf } = planClients({
    config,
    servers,
    runName,
    numberedBy,
    tokenOf,
  });
  timeline.begin('ramp', 0);
  const connecting = crowd.connect(clients, {
    perSecond: config.rampPerS,
    returning: true,
    namePrefix: runName,
    seed: config.seed,
    textBytes: config.textBytes,
    ...(config.replay?.textSizes && { textSizes: config.replay.textSizes }),
    timedOneIn: TIMED_ONE_IN,
    kept: keptMessages(config),
    unacked: UNACKED,
    limitMs: (config.clients / config.rampPerS) * 1_000 + RAMP_GRACE_MS,
    processOf,
    sharedRooms,
  });
  await timeline.follow(Promise.race([connecting, aborted(signal)]));
  return rooms;
}

async function talk(
  { config, faults: planned }: LoadOptions,
  offered: readonly number[],
  { local, signal }: RunDeps,
  crowd: Crowd,
  timeline: Timeline,
): Promise<Load> {
  const steps: StepFigures[] = [];
  const marks: FaultMark[] = [];
  const stretches: Stretch[] = [];
  let isLoaded = false;
  const random = createRandom(config.seed);
  const faults =
    local === undefined
      ? undefined
      : openFaults(planned, {
          local,
          random,
          atMs: timeline.atMs,
          onFault: (mark) => marks.push(mark),
        });
  try {
    for (const perSecond of offered) {
      const stretch = timeline.begin('load', perSecond);
      stretches.push(stretch);
      if (signal.aborted) break;
      isLoaded = true;
      await crowd.rate({ perSecond, privateShare: config.privateShare, churnPerS: config.churnPerS });
      await timeline.follow(elapsed(config.durationMs, signal));
      if (config.stepRatesPerS.length === 0) continue;
      const talked = { ...stretch };
      await timeline.follow(crowd.pause());
      const step = stepOf(talked, stretch, perSecond, config, local !== undefined);
      steps.push(step);
      if (step.broke !== undefined) break;
    }
  } finally {
    faults?.close();
  }
  return {
    whole: mergedStretch(stretches),
    isLoaded,
    steps,
    faults: marks,
    endedEarly: signal.aborted || stretches.length < offered.length,
  };
}

function membersOf(
  { askMembers }: Dialect,
  crowd: Crowd,
  rooms: readonly string[],
): Promise<MembersVerdict | undefined> {
  return askMembers === undefined ? Promise.resolve(undefined) : checkMembers(crowd, rooms);
}

/** A power of two, so that its memory over all rooms stays within bounds. */
function keptMessages({ rooms, processes, textBytes }: LoadOptions['config']): number {
  const each = KEPT_BYTES / Math.ceil(rooms / processes) / (textBytes + FRAME_BYTES);
  return Math.min(MAX_KEPT, Math.max(MIN_KEPT, 2 ** Math.floor(Math.log2(each))));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
