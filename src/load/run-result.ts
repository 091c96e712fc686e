import { uncheckedBy } from './dialect-limits.ts';
import type { Crowd } from './driver/crowd.ts';
import type { Dialect } from './driver/dialect.ts';
import type { Settled } from './driver/orders.ts';
import { summarize } from './latency-summary.ts';
import { type MembersVerdict, uncheckedMembers } from './members-check.ts';
import type { FaultMark, LoadConfig, LoadResult, StepFigures } from './result.ts';
import { msAt, type Stretch, type Timeline } from './timeline.ts';
import { judge } from './verdict.ts';

/** The facts about a run that are not measured. */
export type RunFacts = Pick<LoadResult, 'command' | 'machine' | 'startedAt'> & { readonly version: string };

/** The part of a run in which clients talk. */
export interface Load {
  readonly whole: Stretch;
  /** False: the run ended before the clients were to talk. */
  readonly isLoaded: boolean;
  readonly steps: readonly StepFigures[];
  readonly faults: readonly FaultMark[];
  readonly endedEarly: boolean;
}

/** The measurements of a run, before they are judged. */
export interface Measured {
  readonly config: LoadConfig;
  readonly facts: RunFacts;
  readonly dialect: Dialect;
  readonly timeline: Timeline;
  readonly load: Load;
  readonly settled: Settled;
  readonly members: MembersVerdict | undefined;
  readonly comparison: Crowd['comparison'];
  readonly tookMs: number;
}

/** Judges a run, and puts everything that was found into one result. */
export function resultOf({
  config,
  facts,
  dialect,
  timeline,
  load,
  settled,
  members,
  comparison,
  tookMs,
}: Measured): LoadResult {
  const { whole, isLoaded, steps, faults, endedEarly } = load;
  const { absent, reordered } = settled;
  const totals = { ...timeline.totals, absent, ...(reordered !== undefined && { reordered }) };
  const delivered = summarize(whole.deliverUs);
  const lagP99Ms = msAt(whole.lagUs, 99);
  const loopDelayP99Ms = msAt(whole.loopDelayUs, 99);
  const verdict = judge({
    config,
    totals,
    isLoaded,
    wrong: {
      ...settled.wrong,
      swapped: settled.wrong.swapped + comparison.differences,
      ghost: members?.ghosts.length ?? 0,
      unlisted: members?.unlisted.length ?? 0,
    },
    findings: [
      ...settled.findings,
      ...comparison.findings,
      ...(members?.ghosts ?? []).slice(0, 5),
      ...(members?.unlisted ?? []).slice(0, 5),
    ],
    uncompared: settled.uncompared,
    sharedComparedShare: comparison.comparedShare,
    overdue: settled.overdue,
    p99Ms: delivered.p99Ms,
    lagP99Ms,
    loopDelayP99Ms,
    firstStepBroke: steps[0]?.broke,
    order: reordered === undefined ? 'in order' : 'in the order of each sender',
    notChecked: [uncheckedMembers(members) ?? [], uncheckedBy(dialect, reordered)].flat(),
  });
  return {
    format: 1,
    tool: { name: 'roomcast', version: facts.version },
    command: facts.command,
    machine: facts.machine,
    config,
    startedAt: facts.startedAt,
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
