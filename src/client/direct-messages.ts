import { type Refusal, refuse } from '../protocol/codes.ts';
import { stringifyFreeForm } from '../protocol/free-form.ts';
import { JSON_BYTES_PER_TEXT_BYTE, MAX_JSON_DEPTH, MAX_PACKET_BYTES } from '../protocol/limits.ts';
import { parseId, parseUsername } from '../protocol/names.ts';
import type { SendAck } from '../protocol/people.ts';
import { type CallOptions, withinLimits } from './call-options.ts';
import { ClientError } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';
import {
  bytes,
  checkAuthor,
  checkLength,
  checkMessageId,
  checkText,
  isStoredMessage,
  MAX_WRITTEN_BYTES,
  withAuthor,
} from './drafts.ts';
import type { InboxItem } from './inbox-item.ts';
import { newMessageId } from './message-id.ts';
import type { OutboxDeps } from './outbox.ts';
import { createStoppableOutbox } from './stoppable-outbox.ts';
import type { Unsent } from './unsent-queue.ts';

interface Written extends Unsent {
  /** The id of the user who wrote it; absent while nobody was known. */
  readonly by?: string;
}

interface Addressed extends Written {
  /** A user id. */
  readonly to: string;
}

/** A user by the name that this user has in a room. Both must be in the room, and the name be of one user only. */
export interface NamedReceiver {
  readonly toName: string;
  readonly roomid: string;
}

/** A message or todo for one person that is not acked yet. */
export type DirectMessage =
  | (Addressed & { readonly kind: 'private'; readonly text: string })
  | (Written & NamedReceiver & { readonly to?: undefined; readonly kind: 'private'; readonly text: string })
  | (Addressed & { readonly kind: 'todo'; readonly data: Readonly<Record<string, unknown>> });

export interface DirectMessageOptions extends CallOptions {
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
  readonly membershipOf: (roomid: string) => 'joined' | 'coming' | 'none';
}

/** Messages and todos to people; like those of a room each is sent until it is stored. */
export interface DirectMessages {
  private(to: string | NamedReceiver, text: string, options: DirectMessageOptions): Promise<SendAck>;
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

const ROOM_POLL_MS = 200;

export function createDirectMessages(deps: DirectMessagesDeps): DirectMessages {
  const { connection, userId } = deps;
  const outbox = createStoppableOutbox<DirectMessage, SendAck>({
    ...deps,
    check,
    send(message, answered) {
      if (message.kind === 'todo') {
        connection.ask('todo', todoOf(message), (answer) => answered(answer && outcomeOf(answer)));
        return;
      }
      const refusal = message.to === undefined ? awaitRoom(message) : undefined;
      if (refusal) {
        answered(refusal);
        return;
      }
      const { text, clientMsgId } = message;
      const payload = { ...receiverOf(message), text, clientMsgId };
      connection.ask('private', payload, (answer) => answered(answer && outcomeOf(answer)));
    },
  });

  /** After a reconnect the server looks for the name once the room is joined again. */
  function awaitRoom({ roomid }: NamedReceiver): Refusal | undefined {
    const membership = deps.membershipOf(roomid);
    if (membership === 'none') return refuse('not_joined', `roomid: not in ${roomid}`);
    // Refused by this code, the message has not been sent.
    return membership === 'coming'
      ? refuse('rate_limited', `${roomid} is not joined yet`, ROOM_POLL_MS)
      : undefined;
  }

  function check(message: DirectMessage): ClientError | undefined {
    const problem = checkAuthor(message, userId());
    if (problem) return problem;
    const limit = deps.maxTextBytes() ?? MAX_PACKET_BYTES;
    if (message.kind === 'private') return checkLength(message.text, limit);
    const most = Math.min(limit * JSON_BYTES_PER_TEXT_BYTE, MAX_WRITTEN_BYTES);
    if (bytes(JSON.stringify(todoOf(message))) <= most) return undefined;
    return new ClientError('too_large', `todo: must not be longer than ${most} bytes as JSON`);
  }

  function add(message: DirectMessage, options: CallOptions): Promise<SendAck> {
    const problem = checkMessageId(message.clientMsgId) ?? deps.crowded() ?? check(message);
    if (problem) return Promise.reject(problem);
    return withinLimits(
      options,
      () => outbox.add(message),
      (error) => void outbox.withdraw(message.clientMsgId, error),
    );
  }

  return {
    private(given, text, options) {
      const receiver = parseReceiver(given);
      const problem = receiver instanceof ClientError ? receiver : checkText(text);
      if (problem) return Promise.reject(problem);
      const { clientMsgId = newMessageId() } = options;
      const written = { clientMsgId, by: userId(), kind: 'private', text } as const;
      return add({ ...(receiver as { to: string } | NamedReceiver), ...written }, options);
    },
    todo(given, data, options) {
      const to = parseId(given);
      if (to === undefined) return Promise.reject(notAUser());
      const json = isPlainObject(data) ? stringifyFreeForm(data) : undefined;
      if (json === undefined) {
        const grammar = `todo: must be a JSON object, nested at most ${MAX_JSON_DEPTH} levels deep`;
        return Promise.reject(new ClientError('bad_request', grammar));
      }
      // A copy: the application may go on changing its own.
      const { clientMsgId = newMessageId() } = options;
      return add({ to, clientMsgId, by: userId(), kind: 'todo', data: JSON.parse(json) }, options);
    },
    restore(messages) {
      for (const message of messages) void outbox.add(message);
    },
    assignAuthor: (owner) => outbox.update((message) => withAuthor(message, owner)),
    unsent: outbox.drafts,
    mayHaveSent(item) {
      if (item.kind !== 'private') return false;
      const { to, text } = item.data;
      return outbox
        .drafts()
        .some(
          (message) =>
            message.kind === 'private' &&
            message.firstSentAt !== undefined &&
            (message.to === undefined || message.to === to) &&
            message.text === text,
        );
    },
    up: outbox.open,
    down: outbox.shut,
    stop: outbox.stop,
    end: outbox.end,
  };
}

const notAUser = () => new ClientError('bad_request', 'to: not a user id');

function parseReceiver(given: string | NamedReceiver): { readonly to: string } | NamedReceiver | ClientError {
  if (typeof given !== 'object' || given === null) {
    const to = parseId(given);
    return to === undefined ? notAUser() : { to };
  }
  const [toName, roomid] = [parseUsername(given.toName), parseId(given.roomid)];
  if (toName === undefined) return new ClientError('bad_request', 'toName: not a name');
  return roomid === undefined ? new ClientError('bad_request', 'roomid: not a room id') : { toName, roomid };
}

function receiverOf(message: Exclude<DirectMessage, Todo>): { readonly to: string } | NamedReceiver {
  const { to } = message;
  return to === undefined ? { toName: message.toName, roomid: message.roomid } : { to };
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
    if (!isStoredMessage(message)) return false;
    const receiver = message.to === undefined ? message : message.to;
    if (parseReceiver(receiver as string) instanceof ClientError) return false;
    if (message.kind === 'private') return typeof message.text === 'string';
    return (
      message.kind === 'todo' &&
      message.to !== undefined &&
      typeof message.data === 'object' &&
      message.data !== null
    );
  });
}
