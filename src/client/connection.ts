import { BYE, type Outcome, succeed, type WireError } from '../protocol/codes.ts';
import type { Ack, Acks, Bye, Hello } from '../protocol/events.ts';
import { PROTOCOL_VERSION } from '../protocol/limits.ts';
import type { EventName, PayloadInput } from '../protocol/payloads.ts';
import type { Joined } from '../protocol/rooms.ts';
import { type AttemptsDeps, createAttempts } from './attempts.ts';
import { type Backoff, spreadMs } from './backoff.ts';
import { ClientError, type ClientErrorCode, errorOf } from './client-error.ts';
import type { Identity } from './identity.ts';
import type { Answered } from './pending-answers.ts';
import { createTurns } from './turns.ts';

/*
 *   connecting ──hello──► online ──connection lost, bye, no answer──► offline ──wait──► connecting
 *       └──not reached, refused for now──► offline                       └──reconnect()──┘
 *       └──refused for good, or bye without return──► closed ──reconnect()──► connecting
 */
export interface StateChange {
  readonly state: 'connecting' | 'online' | 'offline' | 'closed';
  readonly reason?: string;
  /** Ms until the next attempt; only with `offline`. */
  readonly retryInMs?: number;
  /** The server asked for this wait, which only `reconnect` makes shorter; only with `offline`. */
  readonly askedByServer?: true;
  /** The server's refusal of this client; only with `closed`. */
  readonly error?: ClientError;
}

export interface ConnectionDeps
  extends Pick<
    AttemptsDeps,
    'url' | 'path' | 'namespace' | 'transports' | 'timeoutMs' | 'handshakeJoin' | 'roomJoins' | 'now'
  > {
  readonly identity: Identity;
  /** The current user's id. */
  readonly userId: () => string | undefined;
  readonly backoff: Backoff;
  readonly random: () => number;
  readonly onState: (change: StateChange) => void;
  /** `joined`: the connection takes over from another one, and has joined these rooms. */
  readonly onUp: (hello: Hello, joined?: ReadonlyMap<string, Joined>) => void;
  readonly onDown: () => void;
  readonly onBye: (bye: Bye) => void;
  /** Nothing is tried any more until `reconnect`. */
  readonly onStopped: (error: ClientError) => void;
  readonly onEvent: (name: string, args: unknown[]) => void;
}

/** The answer without its envelope. */
export function outcomeOf<E extends EventName>(answer: Ack<E>): Outcome<Acks[E]> {
  if (!answer.ok) return answer;
  const { ok: _, ...value } = answer;
  return succeed(value as unknown as Acks[E]);
}

export interface Connection {
  state(): StateChange['state'];
  /** Emits only while online. Calls `answered` exactly once, at the latest when the connection is lost. */
  ask<E extends EventName>(event: E, payload: PayloadInput<E>, answered: Answered<E>): void;
  /** Connects at once, unless it is online or connecting. */
  reconnect(): void;
  /** The network is back: ends a wait that the server did not ask for. */
  retryNow(): void;
  /** Gives this connection up for another one. */
  drop(reason: string): void;
  close(): void;
}

/** The server has given each client a place of its own: more jitter would mix them up. */
const PLACE_SPREAD_MS = 1_000;

/** Refusals that other credentials may overcome. */
const RENEWABLE: ReadonlySet<ClientErrorCode> = new Set(['bad_request', 'unauthorized', 'forbidden']);

export function openConnection(deps: ConnectionDeps): Connection {
  const { identity, backoff, random } = deps;
  let state: StateChange['state'] = 'offline';
  /** Listeners may end a connection: what they are told in one turn says nothing about the next. */
  const turns = createTurns();
  let mayRetryNow = false;
  let ended = false;
  const attempts = createAttempts({
    ...deps,
    auth: identity.auth,
    nextMs: backoff.nextMs,
    // A guest without its proof would be another user.
    renew: ({ code }) => RENEWABLE.has(code) && identity.fetchToken !== undefined && identity.renew(),
    accepts: ({ protocol, user }) => protocol <= PROTOCOL_VERSION && user.id === deps.userId(),
    errorOf: refusalOf,
    onHello: greeted,
    onBye,
    onEvent(name, args) {
      if (state === 'online') deps.onEvent(name, args);
    },
    onRefused: refused,
    onLost: lose,
    onReplaced() {
      disconnect();
      return awaitHello() === turns.current;
    },
    onEnded: () => stop(new ClientError('closed', 'the server ended this connection')),
  });

  function change(next: StateChange): void {
    state = next.state;
    deps.onState(next);
  }

  function connect(): void {
    const mine = awaitHello();
    // A listener may have closed the client.
    if (mine === turns.current) attempts.connect();
  }

  function awaitHello(): number {
    const mine = turns.next();
    // Also covers what Socket.IO's own limit does not: a token that never comes, and an engine that opens while
    // its CONNECT stays unanswered.
    turns.after(deps.timeoutMs, () => lose('the server does not answer'));
    change({ state: 'connecting' });
    return mine;
  }

  function greeted(hello: Hello, joined?: ReadonlyMap<string, Joined>): void {
    if (hello.protocol > PROTOCOL_VERSION) {
      stop(new ClientError('bad_request', `this client is too old for protocol ${hello.protocol}`));
      return;
    }
    const mine = turns.current;
    turns.stopTimer();
    backoff.reset();
    identity.learn(hello);
    if (state !== 'online') change({ state: 'online' });
    if (mine === turns.current) deps.onUp(hello, joined);
  }

  function disconnect(): void {
    turns.next();
    attempts.close();
    if (state === 'online') {
      state = 'offline';
      deps.onDown();
    }
    attempts.abandon();
  }

  function lose(reason: string, askedMs?: number, mostSpreadMs?: number): void {
    if (ended) return;
    disconnect();
    const retryInMs = askedMs === undefined ? backoff.nextMs() : spreadMs(askedMs, random, mostSpreadMs);
    mayRetryNow = askedMs === undefined;
    turns.after(retryInMs, connect);
    change({ state: 'offline', reason, retryInMs, ...(mayRetryNow ? {} : { askedByServer: true }) });
  }

  function stop(error: ClientError): void {
    if (ended) return;
    disconnect();
    change({ state: 'closed', reason: error.message, error });
    deps.onStopped(error);
  }

  /** Needs no jitter: tokens end one by one, and not all at once like connections in a fault. */
  function returnAtOnce(reason: string): void {
    if (ended) return;
    disconnect();
    const mine = turns.current;
    change({ state: 'offline', reason, retryInMs: 0 });
    if (mine === turns.current) connect();
  }

  function onBye(bye: Bye): void {
    const mine = turns.current;
    deps.onBye(bye);
    if (mine !== turns.current) return;
    if (bye.code === BYE.moved && bye.reconnect && state === 'online') {
      attempts.move(bye);
      return;
    }
    const renewed = bye.code === BYE.expired && identity.renew();
    if (renewed && bye.reconnect && bye.afterMs === 0) returnAtOnce(bye.reason);
    else if (bye.reconnect)
      lose(bye.reason, bye.afterMs, bye.code === BYE.overLimit ? PLACE_SPREAD_MS : undefined);
    else stop(new ClientError('closed', bye.reason));
  }

  function refused(answer: Error & { data?: unknown }): void {
    const error = refusalOf(answer);
    if (error.temporary) {
      lose(error.message, error.retryAfterMs);
      return;
    }
    disconnect();
    if (RENEWABLE.has(error.code) && identity.renew()) connect();
    else stop(error);
  }

  function ask<E extends EventName>(event: E, payload: PayloadInput<E>, answered: Answered<E>): void {
    if (state === 'online') attempts.ask(event, payload, answered);
    else answered(undefined);
  }

  connect();
  return {
    state: () => state,
    ask,
    reconnect() {
      if (!ended && (state === 'offline' || state === 'closed')) connect();
    },
    retryNow() {
      if (mayRetryNow && state === 'offline') connect();
    },
    drop(reason) {
      if (state === 'online') lose(reason, 0);
    },
    close() {
      if (ended) return;
      ended = true;
      disconnect();
      change({ state: 'closed', reason: 'closed by the application' });
    },
  };
}

function refusalOf({ message, data }: Error & { data?: unknown }): ClientError {
  const { code, temporary = false, retryAfterMs } = (data ?? {}) as Partial<WireError>;
  if (code !== undefined) return errorOf({ code, message, temporary, retryAfterMs });
  // Socket.IO's own refusal of a namespace that it does not serve carries no data.
  if (message === 'Invalid namespace') return new ClientError('not_found', message);
  return new ClientError('internal', message, true);
}
