import type { Logger } from 'pino';
import { createReconciler } from '../../../chat/reconciler.ts';
import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';

const RETRY_MS = 1_000;
/** After so many failures the room's next change notifies it. */
const MAX_ATTEMPTS = 10;

/** Rooms whose members are not notified yet of all changes of presence; this worker has to come back to each of them. */
export interface PresenceNotifier {
  /** Comes back in `waitMs`, or earlier if the room was scheduled for earlier. */
  schedule(room: Room, waitMs: number): void;
}

export interface PresenceNotifierDeps {
  /** Notifies the room if it is time. Returns how long to wait, 0 when nothing is left. */
  readonly notify: (room: Room) => Promise<Outcome<number>>;
  /** Nothing is left. If this worker dies before that, whoever reaps it notifies the room instead. */
  readonly onNotified: (room: Room) => void;
  readonly log: Logger;
}

export function createPresenceNotifier({ notify, onNotified, log }: PresenceNotifierDeps): PresenceNotifier {
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
