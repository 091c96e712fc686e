import type { Logger } from 'pino';
import { createReconciler } from '../../../chat/reconciler.ts';
import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import type { Sized } from '../../../sizes.ts';

const RETRY_MS = 1_000;
/** A room that fails this often in a row is notified only at its next change. */
const MAX_ATTEMPTS = 10;

/** Schedules the notifications of rooms whose pending changes were not due yet when this worker made them. */
export interface PresenceNotifier {
  /** Notifies the room in `waitMs`, or earlier if it is already scheduled for earlier. */
  schedule(room: Room, waitMs: number): void;
}

export interface PresenceNotifierDeps {
  /** Notifies the room if it is time. Returns how long to wait, 0 when nothing is left. */
  readonly notify: (room: Room) => Promise<Outcome<number>>;
  /** No change is pending any more. If this worker dies first, the worker that reaps it notifies the room instead. */
  readonly onNotified: (room: Room) => void;
  readonly log: Logger;
}

export function createPresenceNotifier({
  notify,
  onNotified,
  log,
}: PresenceNotifierDeps): PresenceNotifier & Sized {
  return createReconciler<Room>({
    keyOf: ({ tag }) => tag,
    retryMs: RETRY_MS,
    maxAttempts: MAX_ATTEMPTS,
    async attempt(room) {
      const notified = await notify(room);
      if (!notified.ok) return 'failed';
      if (notified.value > 0) return { waitMs: notified.value };
      onNotified(room);
      return 'done';
    },
    onError: (error) => log.error({ err: error }, 'a room cannot be notified of its presence'),
  });
}
