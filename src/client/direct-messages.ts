import { stringifyFreeForm } from '../protocol/free-form.ts';
import { JSON_BYTES_PER_TEXT_BYTE, MAX_JSON_DEPTH, MAX_PACKET_BYTES } from '../protocol/limits.ts';
import { parseId } from '../protocol/names.ts';
import type { SendAck } from '../protocol/people.ts';
import { ClientError } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';
import {
  bytes,
  checkLength,
  checkMessageId,
  checkText,
  isStoredMessage,
  MAX_WRITTEN_BYTES,
  withAuthor,
} from './drafts.ts';
import type { InboxItem } from './inbox-item.ts';
import { newMessageId } from './message-id.ts';
import { createOutbox, type OutboxDeps, type Unsent, unknownFate } from './outbox.ts';

interface Addressed extends Unsent {
  /** A user id. */
  readonly to: string;
  /** The id of the user who wrote it; absent while nobody was known. */
  readonly by?: string;
}

/** A message or todo for one person that is not acked yet. */
export type DirectMessage =
  | (Addressed & { readonly kind: 'private'; readonly text: string })
  | (Addressed & { readonly kind: 'todo'; readonly data: Readonly<Record<string, unknown>> });

export interface DirectMessageOptions {
  /** Generated when absent. The server stores a repeated one once. */
  readonly clientMsgId?: string;
}

export interface DirectMessagesDeps
  extends Pick<
    OutboxDeps<DirectMessage, SendAck>,
    'dedupeMs' | 'onChange' | 'onStored' | 'onFailed' | 'now' | 'random'
  > {
  readonly connection: Pick<Connection, 'ask'>;
  /** Undefined before the first connection. */
  readonly maxTextBytes: () => number | undefined;
  /** The current user's id, before the first connection the expected one. */
  readonly userId: () => string | undefined;
  /** The error of one message too many. */
  readonly crowded: () => ClientError | undefined;
}

/** Messages and todos to people; like those of a room each is sent until it is stored. */
export interface DirectMessages {
  private(to: string, text: string, options: DirectMessageOptions): Promise<SendAck>;
  todo(to: string, data: object, options: DirectMessageOptions): Promise<SendAck>;
  restore(messages: readonly DirectMessage[]): void;
  /** Messages without an author are this user's. */
  assignAuthor(userId: string): void;
  unsent(): readonly DirectMessage[];
  /** The item may be one of the waiting messages, stored without an ack. */
  mayHaveSent(item: InboxItem): boolean;
  up(): void;
  down(): void;
  /** The server turned this client away: everything that waits fails. */
  stop(error: ClientError): void;
  end(error: ClientError): void;
}

export function createDirectMessages(deps: DirectMessagesDeps): DirectMessages {
  const { connection, userId } = deps;
  const outboxDeps: OutboxDeps<DirectMessage, SendAck> = {
    ...deps,
    check,
    send(message, answered) {
      const { to, clientMsgId } = message;
      if (message.kind === 'private') {
        const payload = { to, text: message.text, clientMsgId };
        connection.ask('private', payload, (answer) => answered(answer && outcomeOf(answer)));
      } else {
        connection.ask('todo', todoOf(message), (answer) => answered(answer && outcomeOf(answer)));
      }
    },
  };
  let outbox = createOutbox(outboxDeps);

  function check(message: DirectMessage): ClientError | undefined {
    if (message.by !== undefined && message.by !== userId()) {
      // The server knows a clientMsgId again only of the user who sent it before.
      if (message.firstSentAt !== undefined) return unknownFate();
      return new ClientError('wrong_user', `to ${message.to}: it was written by somebody else`);
    }
    const limit = deps.maxTextBytes() ?? MAX_PACKET_BYTES;
    if (message.kind === 'private') return checkLength(message.text, limit);
    const most = Math.min(limit * JSON_BYTES_PER_TEXT_BYTE, MAX_WRITTEN_BYTES);
    if (bytes(JSON.stringify(todoOf(message))) <= most) return undefined;
    return new ClientError('too_large', `todo: must not be longer than ${most} bytes as JSON`);
  }

  function add(message: DirectMessage): Promise<SendAck> {
    const problem = deps.crowded() ?? check(message);
    return problem ? Promise.reject(problem) : outbox.add(message);
  }

  function addressed(given: string, clientMsgId: string): Addressed | ClientError {
    const to = parseId(given);
    const by = userId();
    if (to === undefined) return new ClientError('bad_request', 'to: not a user id');
    return checkMessageId(clientMsgId) ?? { to, clientMsgId, by };
  }

  return {
    private(to, text, { clientMsgId = newMessageId() }) {
      const address = addressed(to, clientMsgId);
      if (address instanceof ClientError) return Promise.reject(address);
      const problem = checkText(text);
      return problem ? Promise.reject(problem) : add({ ...address, kind: 'private', text });
    },
    todo(to, data, { clientMsgId = newMessageId() }) {
      const address = addressed(to, clientMsgId);
      if (address instanceof ClientError) return Promise.reject(address);
      const json = isPlainObject(data) ? stringifyFreeForm(data) : undefined;
      if (json === undefined) {
        const grammar = `todo: must be a JSON object, nested at most ${MAX_JSON_DEPTH} levels deep`;
        return Promise.reject(new ClientError('bad_request', grammar));
      }
      // A copy: the application may go on changing its own.
      return add({ ...address, kind: 'todo', data: JSON.parse(json) });
    },
    restore(messages) {
      for (const message of messages) void outbox.add(message);
    },
    assignAuthor: (owner) => outbox.update((message) => withAuthor(message, owner)),
    unsent: () => outbox.drafts(),
    mayHaveSent(item) {
      if (item.kind !== 'private') return false;
      const { to, text } = item.data;
      return outbox
        .drafts()
        .some(
          (message) =>
            message.kind === 'private' &&
            message.firstSentAt !== undefined &&
            message.to === to &&
            message.text === text,
        );
    },
    up: () => outbox.open(),
    down: () => outbox.shut(),
    stop(error) {
      outbox.end(error);
      outbox = createOutbox(outboxDeps);
    },
    end: (error) => outbox.end(error),
  };
}

type Todo = Extract<DirectMessage, { kind: 'todo' }>;

/** The todo as it is sent and received: its own keys and the two that the server reads. */
function todoOf({ to, clientMsgId, data }: Todo) {
  return { ...data, receiver_id: to, clientMsgId };
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a stored value, which may hold anything. */
export function parseDirectMessages(value: unknown): readonly DirectMessage[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((message: { [key in string]?: unknown } | null) => {
    if (!isStoredMessage(message) || parseId(message.to) === undefined) return false;
    if (message.kind === 'private') return typeof message.text === 'string';
    return message.kind === 'todo' && typeof message.data === 'object' && message.data !== null;
  });
}
