import type { Logger } from 'pino';
import type { Mentions } from '../../chat/inbox/mentions.ts';
import type { Sized } from '../../sizes.ts';

export interface MentionSweepsDeps {
  readonly mentions: Pick<Mentions, 'sweep'>;
  readonly random: () => number;
  readonly log: Logger;
}

/** Looks now and then for mentions that dead workers left out. */
export interface MentionSweeps {
  /** Called once a worker has died. */
  after(instanceId: string): void;
  close(): void;
}

const EVERY_MS = 30_000;

export function createMentionSweeps({ mentions, random, log }: MentionSweepsDeps): MentionSweeps & Sized {
  /** The caller repeats a reap twice a second. */
  const running = new Set<string>();
  let timer: ReturnType<typeof setTimeout>;
  let closed = false;

  function sweep(deadInstanceId?: string): Promise<void> {
    return mentions
      .sweep(deadInstanceId)
      .catch((error: unknown) => log.error({ err: error }, 'mentions could not be completed'));
  }

  function plan(): void {
    if (closed) return;
    // Spread, so that workers that started together do not look at one time.
    timer = setTimeout(() => void sweep().then(plan), EVERY_MS * (0.5 + random()));
    timer.unref();
  }
  plan();

  return {
    sizes: () => ({ running: running.size }),
    after(instanceId) {
      if (running.has(instanceId)) return;
      running.add(instanceId);
      void sweep(instanceId).then(() => running.delete(instanceId));
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
