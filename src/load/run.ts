import { type Crowd, openCrowd } from './driver/crowd.ts';
import { DIALECTS } from './driver/dialects.ts';
import type { Settled } from './driver/orders.ts';
import { summarize } from './latency-summary.ts';
import { checkMembers, type MembersVerdict } from './members-check.ts';
import { planClients } from './plan/clients.ts';
import type { LoadOptions } from './plan/options.ts';
import type { LoadProgress } from './progress.ts';
import { createRandom } from './random.ts';
import type { FaultMark, Finding, LoadResult, MachineFacts, StepFigures } from './result.ts';
import { openFaults } from './server/inject-faults.ts';
import type { LocalServers } from './server/local-processes.ts';
import { createTimeline, msAt, type Stretch, type Timeline } from './timeline.ts';
import { errorShareOf, judge } from './verdict.ts';

/** Clients that did not get in by then go on trying while the others talk. */
const RAMP_GRACE_MS = 10_000;
/** What one client may have unanswered; more is due, and waits. */
const UNACKED = 64;
/** One delivery in so many is timed, and every one is checked. */
const TIMED_ONE_IN = 16;
/** The memory for the newest messages of all rooms of a process. */
const KEPT_BYTES = 64 * 1024 * 1024;
const MIN_KEPT = 16;
const MAX_KEPT = 1_024;
/** What a message is on the wire beside its text. */
const FRAME_BYTES = 300;

export interface RunDeps {
  /** Different in each run, as the beginning of the names of its rooms and users. */
  readonly runName: string;
  readonly command: string;
  readonly version: string;
  readonly machine: MachineFacts;
  readonly startedAt: string;
  readonly tokenOf: ((name: string) => string) | undefined;
  readonly local: LocalServers | undefined;
  /** Aborted by Ctrl-C: the run ends early, with a valid result. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: LoadProgress) => void;
}

/** Runs a load and judges what came of it. */
export async function runLoad(options: LoadOptions, deps: RunDeps): Promise<LoadResult> {
  const { config } = options;
  const crowd = await openCrowd(options.dialectName, config.processes);
  try {
    const offered = config.stepRatesPerS.length > 0 ? config.stepRatesPerS : [config.ratePerS];
    const timeline = createTimeline({
      config,
      crowd,
      local: deps.local,
      plannedMs: (config.clients / config.rampPerS) * 1_000 + offered.length * config.durationMs,
      onProgress: deps.onProgress,
    });
    const rooms = await ramp(options, deps, crowd, timeline);
    const load = await talk(options, offered, deps, crowd, timeline);
    timeline.begin('settle', 0);
    const settled = await timeline.follow(crowd.settle());
    const members = await timeline.follow(membersOf(options, crowd, rooms));
    const tookMs = timeline.atMs();
    const differences = crowd.differences();
    return resultOf({ options, deps, timeline, load, settled, members, differences, tookMs });
  } finally {
    await crowd.close();
  }
}

async function ramp(
  { config, servers, dialectName }: LoadOptions,
  { runName, tokenOf, signal }: RunDeps,
  crowd: Crowd,
  timeline: Timeline,
): Promise<readonly string[]> {
  const { numberedBy } = DIALECTS[dialectName];
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

interface Load {
  readonly whole: Stretch;
  readonly steps: readonly StepFigures[];
  readonly faults: readonly FaultMark[];
  readonly endedEarly: boolean;
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
      await crowd.rate({ perSecond, privateShare: config.privateShare, churnPerS: config.churnPerS });
      await timeline.follow(elapsed(config.durationMs, signal));
      if (config.stepRatesPerS.length === 0) continue;
      const step = stepOf(stretch, perSecond, config, local !== undefined);
      steps.push(step);
      if (step.broke !== undefined) break;
    }
  } finally {
    faults?.close();
  }
  return {
    whole: mergedStretch(stretches),
    steps,
    faults: marks,
    endedEarly: signal.aborted || stretches.length < offered.length,
  };
}

function stepOf(
  stretch: Stretch,
  offeredPerS: number,
  { maxP99Ms, maxErrorShare }: LoadOptions['config'],
  hasServers: boolean,
): StepFigures {
  const perS = (count: number) => (count / stretch.tookMs) * 1_000;
  const p99Ms = msAt(stretch.deliverUs, 99);
  const errorShare = errorShareOf(stretch);
  const broke =
    maxP99Ms !== undefined && p99Ms > maxP99Ms
      ? `p99 was ${p99Ms.toFixed(1)} ms at ${offeredPerS}/s, above ${maxP99Ms} ms.`
      : errorShare > maxErrorShare
        ? `${(errorShare * 100).toFixed(1)} % failed at ${offeredPerS}/s, above ${maxErrorShare * 100} %.`
        : undefined;
  return {
    offeredPerS,
    saidPerS: perS(stretch.said),
    ackedPerS: perS(stretch.acked),
    deliveredPerS: perS(stretch.delivered),
    p50Ms: msAt(stretch.deliverUs, 50),
    p99Ms,
    errorShare,
    driverCores: stretch.driverCpuMs / stretch.tookMs,
    ...(hasServers && {
      serverCores: stretch.serverCpuMs / stretch.tookMs,
      serverUsPerDelivery: (stretch.serverCpuMs * 1e3) / Math.max(1, stretch.delivered),
    }),
    ...(broke !== undefined && { broke }),
  };
}

function mergedStretch(stretches: readonly Stretch[]): Stretch {
  const [first, ...rest] = stretches;
  if (first === undefined) throw new Error('a run has one stretch of load at least');
  for (const each of rest) {
    first.tookMs += each.tookMs;
    first.delivered += each.delivered;
    first.driverCpuMs += each.driverCpuMs;
    first.serverCpuMs += each.serverCpuMs;
    for (const name of ['deliverUs', 'ackUs', 'lagUs', 'loopDelayUs'] as const) first[name].add(each[name]);
  }
  return first;
}

function membersOf(
  { dialectName }: LoadOptions,
  crowd: Crowd,
  rooms: readonly string[],
): Promise<MembersVerdict | undefined> {
  return DIALECTS[dialectName].askMembers === undefined
    ? Promise.resolve(undefined)
    : checkMembers(crowd, rooms);
}

interface Measured {
  readonly options: LoadOptions;
  readonly deps: RunDeps;
  readonly timeline: Timeline;
  readonly load: Load;
  readonly settled: Settled;
  readonly members: MembersVerdict | undefined;
  readonly differences: readonly Finding[];
  readonly tookMs: number;
}

function resultOf({
  options,
  deps,
  timeline,
  load,
  settled,
  members,
  differences,
  tookMs,
}: Measured): LoadResult {
  const { config } = options;
  const { whole, steps, faults, endedEarly } = load;
  const { totals } = timeline;
  const delivered = summarize(whole.deliverUs);
  const lagP99Ms = msAt(whole.lagUs, 99);
  const loopDelayP99Ms = msAt(whole.loopDelayUs, 99);
  const verdict = judge({
    config,
    totals,
    wrong: {
      ...settled.wrong,
      swapped: settled.wrong.swapped + differences.length,
      ghost: members?.ghosts.length ?? 0,
      unlisted: members?.unlisted.length ?? 0,
    },
    findings: [
      ...settled.findings,
      ...differences.slice(0, 5),
      ...(members?.ghosts ?? []).slice(0, 5),
      ...(members?.unlisted ?? []).slice(0, 5),
    ],
    uncompared: settled.uncompared,
    overdue: settled.overdue,
    p99Ms: delivered.p99Ms,
    lagP99Ms,
    loopDelayP99Ms,
    firstStepBroke: steps[0]?.broke,
    notChecked: members?.isChecked
      ? []
      : ['Who is listed in the rooms: no list of members could be had from the server.'],
  });
  return {
    format: 1,
    tool: { name: 'roomcast', version: deps.version },
    command: deps.command,
    machine: deps.machine,
    config,
    startedAt: deps.startedAt,
    tookMs,
    endedEarly,
    verdict,
    totals,
    latency: {
      delivered,
      acked: summarize(whole.ackUs),
      joined: summarize(timeline.whole.joinUs),
    },
    seconds: timeline.seconds,
    servers: timeline.servers,
    faults,
    driver: {
      processes: config.processes,
      cpuMs: timeline.whole.driverCpuMs,
      cpuUsPerDelivery: (whole.driverCpuMs * 1e3) / Math.max(1, whole.delivered),
      scheduleLagP99Ms: lagP99Ms,
      scheduleLagMaxMs: whole.lagUs.maxValue / 1e3,
      loopDelayP99Ms,
      loopDelayMaxMs: whole.loopDelayUs.maxValue / 1e3,
      rssBytes: timeline.rssBytes,
    },
    steps,
  };
}

/** A power of two, so that its memory over all rooms stays within bounds. */
function keptMessages({ rooms, processes, textBytes }: LoadOptions['config']): number {
  const each = KEPT_BYTES / Math.ceil(rooms / processes) / (textBytes + FRAME_BYTES);
  return Math.min(MAX_KEPT, Math.max(MIN_KEPT, 2 ** Math.floor(Math.log2(each))));
}

function elapsed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
