import type { SayAck } from '../protocol/rooms.ts';
import type { ClientError } from './client-error.ts';
import type { Emitter } from './emitter.ts';
import type { RoomEvents } from './room.ts';
import { createRoomChanges, type RoomChanges, type RoomChangesDeps } from './room-changes.ts';
import { createRoomOutbox, type RoomOutbox, type RoomOutboxDeps } from './room-outbox.ts';

export interface RoomQueuesDeps
  extends Omit<RoomOutboxDeps, 'onStored' | 'onFailed' | 'rejoin'>,
    Pick<RoomChangesDeps, 'checkContent' | 'epoch'> {
  readonly emit: Emitter<RoomEvents>['emit'];
  readonly rejoin: () => void;
  readonly isOver: () => boolean;
  /** The room has a message that it does not send back to this client. */
  readonly acked: (said: SayAck) => void;
}

/** Everything of this client that one room does not have yet. Both queues send while it is joined. */
export interface RoomQueues {
  readonly outbox: RoomOutbox;
  readonly changes: Pick<RoomChanges, 'add' | 'withdraw'>;
  open(): void;
  shut(): void;
  /** Everything that waits fails; more may wait again. */
  stop(error: ClientError): void;
  end(error: ClientError): void;
}

export function createRoomQueues(deps: RoomQueuesDeps): RoomQueues {
  const { emit } = deps;
  const changes = createRoomChanges(deps);
  const outbox = createRoomOutbox({
    ...deps,
    onStored(said, draft) {
      if (draft.echo === false) deps.acked(said);
      emit('sent', said, draft);
    },
    onFailed: (error, draft) => emit('failed', error, draft),
    onChange() {
      // The storage must not change for a room that was left: another client may use it by now.
      if (deps.isOver()) return;
      deps.onChange();
      if (deps.keepsFailed()) emit('unsent', outbox.drafts());
    },
  });
  const queues = [outbox, changes];

  return {
    outbox,
    changes,
    open: () => queues.forEach((queue) => void queue.open()),
    shut: () => queues.forEach((queue) => void queue.shut()),
    stop: (error) => queues.forEach((queue) => void queue.stop(error)),
    end: (error) => queues.forEach((queue) => void queue.end(error)),
  };
}
