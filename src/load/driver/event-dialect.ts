import { NUMBER_SLOT, textTemplate } from '../checker/live/origin-text.ts';
import type { ReadMessage } from '../checker/live/room-check.ts';
import type { Dialect, DialectClient, Meaning } from './dialect.ts';
import {
  DialectFault,
  type DialectModule,
  type ModuleClient,
  type ModuleEvent,
  type ModuleHandshake,
  type ModuleMeaning,
  shown,
} from './dialect-module.ts';
import type { ClientSpec } from './orders.ts';

const SOCKET_PATH = '/socket.io/';
/** The id of the join's ack; those of messages are far above. */
const JOIN_ID = 1;

interface Session {
  readonly client: ModuleClient;
  readonly handshake: ModuleHandshake;
  /** As it stands in a packet, with the comma behind it. */
  readonly namespace: string;
}

/** Makes a dialect of the five functions of a module, for a server that speaks Socket.IO's own protocol. */
export function createEventDialect(module: DialectModule): Dialect {
  const { joined, acks = false, roomOrder = false, ownMessages = true } = module.promises ?? {};
  const sessions = new WeakMap<DialectClient, Session>();

  function open(client: DialectClient): Session {
    const { spec, name } = client;
    const seen = { id: spec.id, name, room: spec.room ?? '', token: spec.token };
    const handshake = readHandshake(call('connect', () => module.connect(urlOf(spec), seen)));
    const { namespace = '' } = handshake;
    const path = namespace.replace(/^\/*/, '/');
    const session = { client: seen, handshake, namespace: path === '/' ? '' : `${path},` };
    sessions.set(client, session);
    return session;
  }

  const sessionOf = (client: DialectClient) => sessions.get(client) ?? open(client);

  function join(session: Session): Meaning | undefined {
    const event = eventOf(
      'join',
      call('join', () => module.join(session.client)),
    );
    if (event === undefined) return joined === 'event' ? undefined : { joinedAt: 0 };
    const id = joined === 'ack' ? JOIN_ID : '';
    const send = `42${session.namespace}${id}${jsonOf('join', event)}`;
    return joined === undefined ? { send, joinedAt: 0, isUnconfirmed: true } : { send };
  }

  /** Undefined: nothing that the module knows. */
  function meaningOf(text: string, { client, namespace }: Session): ModuleMeaning {
    const start = `42${namespace}`;
    if (!text.startsWith(start)) return undefined;
    const event: unknown = JSON.parse(text.slice(text.indexOf('[', start.length)));
    if (!Array.isArray(event) || typeof event[0] !== 'string') return undefined;
    const [name, ...args] = event;
    const meaning = call('onMessage', () => module.onMessage(name, args, client));
    if (meaning === undefined || meaning === null) return undefined;
    if (
      typeof meaning === 'object' &&
      ('joined' in meaning || 'refused' in meaning || typeof meaning.text === 'string')
    )
      return meaning;
    throw new DialectFault(`onMessage returned ${shown(meaning)} for ${shown(name)}, which has no text`);
  }

  return {
    numberedBy: 'driver',
    promises: { roomOrder, ownMessages },
    ...(acks ? {} : { unacknowledged: true as const }),
    ackStart: (client) => `43${sessionOf(client).namespace}`,
    refusalIn,
    path(client) {
      const query = new URLSearchParams({ EIO: '4', ...open(client).handshake.query });
      return `${client.spec.socketPath ?? SOCKET_PATH}?${query}`;
    },
    headers: (client) => sessionOf(client).handshake.headers ?? {},
    say(client, room, bytes) {
      const session = sessionOf(client);
      const text = textTemplate(client.spec.id, room, bytes);
      const said = eventOf(
        'say',
        call('say', () => module.say(session.client, text, NUMBER_SLOT)),
      );
      const event = said && jsonOf('say', said);
      if (event === undefined || !event.includes(text))
        throw new DialectFault('say returned no event that holds the text as it was given');
      return `42${session.namespace}${acks ? NUMBER_SLOT : ''}${event}`;
    },
    read(frame, client): ReadMessage | undefined {
      const meaning = client && meaningOf(frame, sessionOf(client));
      return meaning !== undefined && 'text' in meaning ? messageOf(meaning) : undefined;
    },
    hear(text, client) {
      const session = sessionOf(client);
      const { namespace, handshake } = session;
      if (text === '2') return { send: '3' };
      if (text.startsWith('0{'))
        return {
          send: `40${namespace}${handshake.auth === undefined ? '' : jsonOf('connect', handshake.auth)}`,
        };
      if (text.startsWith(`40${namespace}`)) return join(session);
      if (text.startsWith('41')) return { refused: 'disconnected by the server' };
      if (text.startsWith('44')) return { refused: connectErrorIn(text) };
      if (text.startsWith(`43${namespace}${JOIN_ID}[`)) {
        const refused = refusalIn(text.slice(text.indexOf('[')));
        return refused === undefined ? { joinedAt: 0 } : { refused };
      }
      const meaning = meaningOf(text, session);
      if (meaning === undefined || 'text' in meaning) return undefined;
      if ('joined' in meaning) return { joinedAt: 0 };
      return { refusedMessage: { number: Number(meaning.id), code: String(meaning.refused) } };
    },
    leave(client) {
      const session = sessionOf(client);
      const event = eventOf(
        'leave',
        call('leave', () => module.leave(session.client)),
      );
      return event && `42${session.namespace}${jsonOf('leave', event)}`;
    },
  };
}

function call<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new DialectFault(`${name} threw ${error instanceof Error ? error.stack : shown(error)}`);
  }
}

const TEXT = { is: (value: unknown) => typeof value === 'string', words: 'a text' };
const OBJECT = {
  is: (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value),
  words: 'an object',
};
const TEXTS = {
  is: (value: unknown) =>
    OBJECT.is(value) &&
    Object.values(value as object).every((each) => ['string', 'number', 'boolean'].includes(typeof each)),
  words: 'an object of texts',
};
const HANDSHAKE = { query: TEXTS, auth: OBJECT, namespace: TEXT, headers: TEXTS } as const;

function readHandshake(handshake: unknown): ModuleHandshake {
  if (handshake === undefined || handshake === null) return {};
  if (!OBJECT.is(handshake))
    throw new DialectFault(`connect returned ${shown(handshake)}, which is no object`);
  if (typeof (handshake as { readonly then?: unknown }).then === 'function')
    throw new DialectFault('connect returned a promise: it cannot be awaited, so the values must be at hand');
  for (const [name, { is, words }] of Object.entries(HANDSHAKE)) {
    const value = (handshake as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined && !is(value))
      throw new DialectFault(`connect returned ${name} ${shown(value)}, which is not ${words}`);
  }
  return handshake;
}

function jsonOf(name: string, value: object): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new DialectFault(`${name} returned what JSON cannot hold: ${(error as Error).message}`);
  }
}

function eventOf(name: string, event: ModuleEvent | undefined): ModuleEvent | undefined {
  if (event === undefined || event === null) return undefined;
  if (Array.isArray(event) && typeof event[0] === 'string') return event;
  throw new DialectFault(`${name} returned ${shown(event)}, which is no event: ['name', ...arguments]`);
}

function messageOf({ text, room, id, username }: Extract<ModuleMeaning, { text: string }>): ReadMessage {
  return {
    text,
    ...(room !== undefined && { room }),
    ...(id !== undefined && { id: String(id) }),
    ...(username !== undefined && { username }),
  };
}

/** The reason that servers give by convention: `{error}`, or `{ok: false}`; any other answer is an ack. */
function refusalIn(answer: string): string | undefined {
  const [first]: unknown[] = JSON.parse(answer);
  if (typeof first !== 'object' || first === null) return undefined;
  const { ok, status, error } = first as Readonly<Record<string, unknown>>;
  if (ok !== false && status !== 'error' && (error === undefined || error === null)) return undefined;
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  const reason = typeof error === 'string' ? error : (code ?? message ?? 'refused');
  return String(reason);
}

function connectErrorIn(text: string): string {
  const { data, message } = JSON.parse(text.slice(text.indexOf('{')));
  return String(data?.code ?? message ?? 'refused');
}

function urlOf({ secure, hostName, host = '127.0.0.1', port }: ClientSpec): string {
  const name = hostName ?? host;
  return `${secure ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
