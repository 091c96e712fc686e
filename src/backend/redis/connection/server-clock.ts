import { fieldOf } from './info.ts';

/** The clock of a server, which all processes that are connected to it read alike, whatever their own clocks say. */
export interface ServerClock {
  /** Takes a reply of INFO with the section `server`. */
  onInfo(info: string): void;
  /** Undefined before the first reply, and with a server of another make that does not tell its time. */
  nowMs(): number | undefined;
}

export interface ServerClockDeps {
  /** A clock that cannot be set. */
  readonly now: () => number;
  /** The clock was set by more than `stepMs`. */
  readonly onStep: () => void;
  readonly stepMs: number;
}

export function createServerClock({ now, onStep, stepMs }: ServerClockDeps): ServerClock {
  let aheadMs: number | undefined;

  return {
    onInfo(info) {
      const time = fieldOf(info, 'server_time_usec');
      if (time === undefined) return;
      const before = aheadMs;
      aheadMs = Number(time) / 1_000 - now();
      if (before !== undefined && Math.abs(aheadMs - before) > stepMs) onStep();
    },
    nowMs: () => (aheadMs === undefined ? undefined : aheadMs + now()),
  };
}
