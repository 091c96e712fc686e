import type { PayloadInput } from '../protocol/payloads.ts';
import type { SayAck } from '../protocol/rooms.ts';
import { ClientError } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';
import type { Content } from './drafts.ts';
import type { OutboxDeps } from './outbox.ts';
import { createStoppableOutbox, type StoppableOutbox } from './stoppable-outbox.ts';
import type { Unsent } from './unsent-queue.ts';

type Payloads = { readonly [E in 'edit' | 'delete' | 'react']: PayloadInput<E> };

/** A change of a message that is not acked yet. Its `clientMsgId` names it here, and in the payload of an edit or deletion. */
export type Change = { readonly [E in keyof Payloads]: ChangeOf<E> }[keyof Payloads];

interface ChangeOf<E extends keyof Payloads> extends Unsent {
  readonly event: E;
  readonly payload: Payloads[E];
  /** Only an edit has one. */
  readonly content?: Content;
  /** The id of the user who made it; absent while nobody was known. */
  readonly by?: string | undefined;
  /** The room's epoch when it was made; absent while none was known. */
  readonly epoch?: string | undefined;
}

export interface RoomChangesDeps
  extends Pick<OutboxDeps<Change, SayAck>, 'dedupeMs' | 'now' | 'random' | 'rejoin'> {
  readonly connection: Pick<Connection, 'ask'>;
  /** The current user's id, before the first connection the expected one. */
  readonly userId: () => string | undefined;
  /** The epoch of the newest message that was delivered. */
  readonly epoch: () => string | undefined;
  /** The error of a content that is too large to be sent. */
  readonly checkContent: (content: Content) => ClientError | undefined;
}

/** The changes of messages in one room that wait to be sent, in the order called. They last as long as this client. */
export interface RoomChanges
  extends Pick<StoppableOutbox<Change, SayAck>, 'open' | 'shut' | 'withdraw' | 'stop' | 'end'> {
  /** Resolves once the change is stored, after any number of reconnects. */
  add(change: Change): Promise<SayAck>;
}

const MAX_WAITING = 1_000;
const nothing = () => undefined;

export function createRoomChanges({
  connection,
  checkContent,
  userId,
  epoch: currentEpoch,
  ...deps
}: RoomChangesDeps): RoomChanges {
  const outbox = createStoppableOutbox<Change, SayAck>({
    ...deps,
    // The user, the room's history and the limits may be others by now.
    check({ by, content, epoch }) {
      if (by !== undefined && by !== userId()) {
        return new ClientError('wrong_user', 'this was changed by somebody else');
      }
      // In another epoch the number may be that of another message.
      if (epoch !== undefined && epoch !== currentEpoch()) {
        return new ClientError('not_found', 'seq: the room began a new epoch since this was asked for');
      }
      return content && checkContent(content);
    },
    send({ event, payload }, answered) {
      connection.ask(event, payload, (answer) => answered(answer && outcomeOf(answer)));
    },
    onStored: nothing,
    onFailed: nothing,
    onChange: nothing,
  });

  return {
    add(change) {
      if (outbox.drafts().length >= MAX_WAITING) {
        return Promise.reject(new ClientError('limit', 'too many changes wait to be sent'));
      }
      return outbox.add({ ...change, by: userId(), epoch: currentEpoch() });
    },
    open: outbox.open,
    shut: outbox.shut,
    withdraw: outbox.withdraw,
    stop: outbox.stop,
    end: outbox.end,
  };
}
