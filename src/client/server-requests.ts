import type { Acks } from '../protocol/events.ts';
import { stringifyFreeForm } from '../protocol/free-form.ts';
import { MAX_JSON_DEPTH } from '../protocol/limits.ts';
import type { EventName, PayloadInput } from '../protocol/payloads.ts';
import type { MyRoom } from '../protocol/rooms.ts';
import { askOnce } from './ask-now.ts';
import { type CallOptions, withinLimits } from './call-options.ts';
import { ClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import { bytes, MAX_WRITTEN_BYTES } from './drafts.ts';
import type { Requests } from './requests.ts';

/** Events that would change the rooms or the user of the connection behind the client's back. */
const MANAGED = ['join', 'leave', 'user_login', 'token:refresh', 'close'] as const;

/** The events of the protocol that `send` sends: all but those that are the client's own affair. */
export type SendableEvent = Exclude<EventName, (typeof MANAGED)[number]>;

/** The rooms that this user has joined and not left, on any device. */
export interface MyRooms {
  /**
   * Each with its newest `seq` (`top`), this user's read marker (`read`), and the number of others' messages above it
   * (`unread`). Waits for a connection.
   */
  mine(options?: CallOptions): Promise<readonly MyRoom[]>;
}

/** Requests that belong to no part of the client. */
export interface ServerRequests {
  readonly rooms: MyRooms;
  textmsg(message: PayloadInput<'textmsg'>, options?: CallOptions): Promise<Acks['textmsg']>;
  send<E extends SendableEvent>(event: E, payload: PayloadInput<E>, options?: CallOptions): Promise<Acks[E]>;
}

export interface ServerRequestsDeps {
  readonly connection: Pick<Connection, 'ask'>;
  readonly requests: Pick<Requests, 'ask'>;
}

export function createServerRequests({ connection, requests }: ServerRequestsDeps): ServerRequests {
  async function send<E extends SendableEvent>(
    event: E,
    payload: PayloadInput<E>,
    options: CallOptions = {},
  ): Promise<Acks[E]> {
    const problem = checkEvent(event) ?? checkPayload(payload);
    if (problem) throw problem;
    return withinLimits(options, () => askOnce(connection, event, payload));
  }

  return {
    rooms: {
      mine: async (options) => (await requests.ask('rooms:mine', {}, undefined, options)).rooms,
    },
    textmsg: (message, options) => send('textmsg', message, options),
    send,
  };
}

/** Callers in JavaScript have no types. */
function checkEvent(event: unknown): ClientError | undefined {
  if (typeof event !== 'string') return new ClientError('bad_request', 'event: must be a string');
  if (!MANAGED.some((name) => name === event)) return undefined;
  return new ClientError('bad_request', `event: ${event} has a method of its own`);
}

/** The server closes the connection on a packet that it cannot read. */
function checkPayload(payload: unknown): ClientError | undefined {
  const fields = typeof payload === 'object' && payload !== null ? Object.values(payload) : [payload];
  let length = 0;
  for (const field of fields) {
    if (field === undefined) continue;
    const json = stringifyFreeForm(field);
    if (json === undefined) {
      return new ClientError(
        'bad_request',
        `payload: must be JSON, nested at most ${MAX_JSON_DEPTH} levels deep`,
      );
    }
    length += bytes(json);
  }
  return length <= MAX_WRITTEN_BYTES
    ? undefined
    : new ClientError('too_large', 'payload: too large for a packet');
}
