import type { ClientError } from './client-error.ts';
import { createOutbox, type Outbox, type OutboxDeps } from './outbox.ts';
import type { Unsent } from './unsent-queue.ts';

export interface StoppableOutbox<D extends Unsent, S> extends Outbox<D, S> {
  /** Everything that waits fails; new messages may wait again. */
  stop(error: ClientError): void;
}

/** An outbox that can begin anew. An answer to what was in flight at the stop does not reach what is added later. */
export function createStoppableOutbox<D extends Unsent, S>(deps: OutboxDeps<D, S>): StoppableOutbox<D, S> {
  let current = createOutbox(deps);

  return {
    add: (draft) => current.add(draft),
    restore: (drafts) => current.restore(drafts),
    drafts: () => current.drafts(),
    withdraw: (clientMsgId, error) => current.withdraw(clientMsgId, error),
    update: (change) => current.update(change),
    open: () => current.open(),
    shut: () => current.shut(),
    stop(error) {
      current.end(error);
      current = createOutbox(deps);
    },
    end: (error) => current.end(error),
  };
}
