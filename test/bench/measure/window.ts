import { setTimeout as pause } from 'node:timers/promises';
import type { Crowd, CrowdWindow } from '../../../src/load/driver/crowd.ts';
import { PARTS, type Part, type RunningSystem } from '../systems/system.ts';
import { cpuNsOf, machineBusyMs } from './cpu.ts';

/** What a steady stretch of a run cost, and what it brought. */
export interface Measured {
  readonly seen: CrowdWindow;
  readonly cpuNs: Readonly<Record<Part, number>>;
  /** All parts together. */
  readonly totalNs: number;
  readonly elapsedMs: number;
  /** Cores kept busy by anything but server and clients: a run beside it says little. */
  readonly othersCores: number;
}

export function cpuOfParts(system: RunningSystem): Record<Part, number> {
  const sums = PARTS.map((part) => [part, system.pids(part).reduce((sum, pid) => sum + cpuNsOf(pid), 0)]);
  return Object.fromEntries(sums);
}

export async function measureWindow(
  system: RunningSystem,
  crowd: Crowd,
  elapse: number | (() => Promise<unknown>),
): Promise<Measured> {
  await system.windowBegins();
  await crowd.mark();
  const [before, machine, startedAt] = [cpuOfParts(system), machineBusyMs(), performance.now()];
  await (typeof elapse === 'number' ? pause(elapse) : elapse());
  const [after, machineAfter] = [cpuOfParts(system), machineBusyMs()];
  const elapsedMs = performance.now() - startedAt;
  const seen = await crowd.mark();
  await system.windowEnds();
  const cpuNs = Object.fromEntries(
    PARTS.map((part) => [part, after[part] - before[part]]),
  ) as Measured['cpuNs'];
  const totalNs = PARTS.reduce((sum, part) => sum + cpuNs[part], 0);
  const busyMs = machineAfter.busyMs - machine.busyMs + machineAfter.stolenMs - machine.stolenMs;
  const othersCores = Math.max(0, (busyMs - (totalNs + seen.cpuNs) / 1e6) / elapsedMs);
  return { seen, cpuNs, totalNs, elapsedMs, othersCores };
}
