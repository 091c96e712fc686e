import type { Logger } from 'pino';
import type { DroppedFrame, OnFrameDropped } from '../../dropped-frames.ts';

/** A publisher of forged frames must not be able to fill the log. */
const REPORT_EVERY_MS = 60_000;

export interface DropReportDeps {
  /** Counts each dropped frame. */
  readonly onDropped?: OnFrameDropped | undefined;
  readonly now: () => number;
  readonly log: Logger;
}

/** Counts the dropped frames, and logs how many there were since the last line, at most once a minute. */
export function createDropReport({ onDropped, now, log }: DropReportDeps): OnFrameDropped {
  let dropped: Partial<Record<DroppedFrame, number>> = {};
  let reportedAtMs = Number.NEGATIVE_INFINITY;

  return (why) => {
    onDropped?.(why);
    dropped[why] = (dropped[why] ?? 0) + 1;
    if (now() - reportedAtMs < REPORT_EVERY_MS) return;
    reportedAtMs = now();
    log.warn(
      { dropped },
      'redis: frames were dropped that no worker with this BUS_SECRET has just published: another program publishes to these channels, or a worker has another secret',
    );
    dropped = {};
  };
}
