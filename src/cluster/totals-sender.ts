import type { MetricObject } from 'prom-client';
import type { IpcChannel, NoticeKind } from './ipc.ts';

export interface TotalsSenderDeps {
  readonly ipc: Pick<IpcChannel, 'notify'>;
  readonly kind: NoticeKind<MetricObject[]>;
  readonly totals: () => Promise<MetricObject[]>;
}

/** Sends a worker's totals to the primary, which keeps the last ones when the worker dies. */
export interface TotalsSender {
  /** The worker did something that counts: what a `kill -9` may lose of the totals is bounded by the time until they are sent. */
  active(): void;
  send(): Promise<void>;
  close(): void;
}

const SOON_MS = 200;

export function createTotalsSender({ ipc, kind, totals }: TotalsSenderDeps): TotalsSender {
  let timer: NodeJS.Timeout | undefined;

  async function send(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    ipc.notify(kind, await totals());
  }

  return {
    active() {
      timer ??= setTimeout(() => void send(), SOON_MS);
    },
    send,
    close: () => clearTimeout(timer),
  };
}
