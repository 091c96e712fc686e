import type { Logger } from 'pino';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import type { ReloadStep } from './supervisor.ts';

/** The last reload, as /status shows it. */
export interface ReloadStatus {
  /** Counts the reloads of this primary. */
  readonly id: number;
  readonly state: 'running' | 'done' | 'failed';
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly slots: readonly ReloadStep[];
  readonly error?: string;
}

export interface Reloads {
  /**
   * Begins a reload and returns its id. A request during a reload begins another one behind it, because the files may have
   * changed again after the first slot. Refused until `open`, and after `close`.
   */
  request(): Outcome<{ readonly id: number }>;
  /** The start has succeeded. */
  open(): void;
  close(): void;
  status(): ReloadStatus | undefined;
}

export interface ReloadsDeps {
  readonly reload: (onStep: (step: ReloadStep) => void) => Promise<Outcome<void>>;
  /** Called when a reload begins and ends. */
  readonly onRunning: (running: boolean) => void;
  /** Called with the result of a reload that no stop has ended. */
  readonly onEnded: (ok: boolean) => void;
  readonly now: () => number;
  readonly log: Logger;
}

export function createReloads({ reload, onRunning, onEnded, now, log }: ReloadsDeps): Reloads {
  let status: ReloadStatus | undefined;
  let opened = false;
  let another = false;

  async function run(id: number): Promise<void> {
    const slots = new Map<number, ReloadStep>();
    const startedAt = now();
    status = { id, state: 'running', startedAt, slots: [] };
    onRunning(true);
    const outcome = await reload((step) => {
      slots.set(step.slot, step);
      status = { id, state: 'running', startedAt, slots: [...slots.values()] };
    }).catch((error: unknown) => {
      log.error({ err: error }, 'reload failed');
      return refuse('internal', `the reload failed: ${error instanceof Error ? error.message : error}`);
    });
    onRunning(false);
    const ended = { id, startedAt, endedAt: now(), slots: [...slots.values()] };
    if (outcome.ok || opened) onEnded(outcome.ok);
    if (outcome.ok) {
      status = { ...ended, state: 'done' };
      log.info('reloaded: every slot has a new worker');
    } else {
      status = { ...ended, state: 'failed', error: outcome.error.message };
      if (opened) log.error({ reason: outcome.error.message }, 'reload ended early, the other workers stay');
      else log.info('the reload ended early: the host is stopping');
    }
    if (!another || !opened) return;
    another = false;
    await run(id + 1);
  }

  return {
    request() {
      if (!opened) return refuse('unavailable', 'Roomcast is starting or stopping');
      const id = (status?.id ?? 0) + 1;
      if (status?.state === 'running') another = true;
      else void run(id);
      return succeed({ id });
    },
    open() {
      opened = true;
    },
    close() {
      opened = false;
    },
    status: () => status,
  };
}
