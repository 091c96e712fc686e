import { BYE, type ErrorCode, type Outcome, succeed, type WireError } from '../protocol/codes.ts';
import type { Ack, Acks, Bye, Hello } from '../protocol/events.ts';
import { PROTOCOL_VERSION } from '../protocol/limits.ts';
import type { EventName, PayloadInput } from '../protocol/payloads.ts';
import { type Attempt, type AttemptDeps, openAttempt } from './attempt.ts';
import { type Backoff, spreadMs } from './backoff.ts';
import { ClientError, errorOf } from './client-error.ts';
import type { Auth, Identity } from './identity.ts';

/*
 *   connecting ──hello──► online ──link lost, bye, no answer──► offline ──wait──► connecting
 *       └──not reached, refused for now──► offline                 └──reconnect()──┘
 *       └──refused for good── or bye without return ──► closed ──reconnect()──► connecting
 */
export interface StateChange {
  readonly state: 'connecting' | 'online' | 'offline' | 'closed';
  readonly reason?: string;
  /** Of `offline`: when the next attempt begins. */
  readonly retryInMs?: number;
  /** Of `offline`: the server asked for this wait; only `reconnect` makes it shorter. */
  readonly askedByServer?: true;
  /** Of `closed`: why the server does not want this client. */
  readonly error?: ClientError;
}

export interface ConnectionDeps
  extends Pick<AttemptDeps, 'url' | 'path' | 'namespace' | 'transports' | 'timeoutMs'> {
  readonly identity: Identity;
  /** The room that the next connection joins itself. */
  readonly entrance: () => { readonly roomid: string; readonly resume: Auth['resume'] } | undefined;
  readonly backoff: Backoff;
  readonly random: () => number;
  readonly onState: (change: StateChange) => void;
  readonly onUp: (hello: Hello) => void;
  readonly onDown: () => void;
  readonly onBye: (bye: Bye) => void;
  /** Nothing is tried any more until `reconnect`. */
  readonly onStopped: (error: ClientError) => void;
  readonly onEvent: (name: string, args: unknown[]) => void;
}

/** Undefined: no answer came on this link, and none will. */
export type Answered<E extends EventName> = (answer: Ack<E> | undefined) => void;

/** The answer without its envelope. */
export function outcomeOf<E extends EventName>(answer: Ack<E>): Outcome<Acks[E]> {
  if (!answer.ok) return answer;
  const { ok: _, ...value } = answer;
  return succeed(value as unknown as Acks[E]);
}

export interface Connection {
  state(): StateChange['state'];
  /** Emits only while online; `answered` is called exactly once, at the latest when the link goes. */
  ask<E extends EventName>(event: E, payload: PayloadInput<E>, answered: Answered<E>): void;
  /** At once, if it is not up. */
  reconnect(): void;
  /** A wait that nobody asked us for is over: the network is back. */
  hurry(): void;
  /** Gives a link up for another one. */
  drop(reason: string): void;
  close(): void;
}

/** Refusals that other credentials may turn round. */
const RENEWABLE: ReadonlySet<ErrorCode> = new Set(['bad_request', 'unauthorized', 'forbidden']);

/**
 * Events of one connection are worked on in turn: 50 joins while the store is away are refused one after the
 * other, 2 s each. As long as answers to others come, one is waited for up to so many times the usual.
 */
const PATIENT_ROUNDS = 6;

interface Pending {
  readonly settle: (answer: unknown) => void;
}

export function openConnection(deps: ConnectionDeps): Connection {
  const { identity, backoff, random } = deps;
  let state: StateChange['state'] = 'offline';
  let attempt: Attempt | undefined;
  /** What an earlier attempt still has to say is void. */
  let turn = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let mayHurry = false;
  let ended = false;
  const pending = new Set<Pending>();
  let answers = 0;

  function change(next: StateChange): void {
    state = next.state;
    deps.onState(next);
  }

  function connect(): void {
    clearTimeout(timer);
    turn += 1;
    const mine = turn;
    // Also covers what Socket.IO's own limit does not: a token that never comes, and an engine that opens while
    // its CONNECT stays unanswered.
    timer = setTimeout(() => lose('the server does not answer'), deps.timeoutMs);
    change({ state: 'connecting' });
    identity.auth().then(
      (auth) => mine === turn && open(auth, mine),
      (error: unknown) =>
        mine === turn && lose(`no token: ${error instanceof Error ? error.message : error}`),
    );
  }

  function open(auth: AttemptDeps['auth'], mine: number): void {
    const current =
      <A extends unknown[]>(act: (...args: A) => void) =>
      (...args: A) => {
        if (mine === turn) act(...args);
      };
    const entrance = deps.entrance();
    attempt = openAttempt({
      ...deps,
      query: entrance && { roomid: entrance.roomid },
      auth: { ...auth, resume: entrance?.resume },
      onEvent: current(hear),
      onRefused: current(refused),
      onLost: current(lose),
      onEnded: current(() => stop(new ClientError('closed', 'the server ended this connection'))),
    });
  }

  function hear(name: string, args: unknown[]): void {
    if (name === 'hello') rise(args[0] as Hello);
    else if (name === 'bye') leave(args[0] as Bye);
    else if (state === 'online') deps.onEvent(name, args);
  }

  function rise(hello: Hello): void {
    if (hello.protocol > PROTOCOL_VERSION) {
      stop(new ClientError('bad_request', `this client is too old for protocol ${hello.protocol}`));
      return;
    }
    const mine = turn;
    clearTimeout(timer);
    backoff.reset();
    identity.learn(hello);
    change({ state: 'online' });
    if (mine === turn) deps.onUp(hello);
  }

  function fall(): void {
    turn += 1;
    clearTimeout(timer);
    attempt?.close();
    attempt = undefined;
    if (state !== 'online') return;
    state = 'offline';
    deps.onDown();
    for (const { settle } of [...pending]) settle(undefined);
  }

  function lose(reason: string, askedMs?: number): void {
    if (ended) return;
    fall();
    const retryInMs = askedMs === undefined ? backoff.nextMs() : spreadMs(askedMs, random);
    mayHurry = askedMs === undefined;
    timer = setTimeout(connect, retryInMs);
    change({ state: 'offline', reason, retryInMs, ...(mayHurry ? {} : { askedByServer: true }) });
  }

  function stop(error: ClientError): void {
    if (ended) return;
    fall();
    change({ state: 'closed', reason: error.message, error });
    deps.onStopped(error);
  }

  /** Tokens end one by one: unlike after a fault nobody else comes back at the same time. */
  function returnAtOnce(reason: string): void {
    if (ended) return;
    fall();
    const mine = turn;
    change({ state: 'offline', reason, retryInMs: 0 });
    if (mine === turn) connect();
  }

  function leave(bye: Bye): void {
    deps.onBye(bye);
    const renewed = bye.code === BYE.expired && identity.renew();
    if (renewed && bye.reconnect && bye.afterMs === 0) returnAtOnce(bye.reason);
    else if (bye.reconnect) lose(bye.reason, bye.afterMs);
    else stop(new ClientError('closed', bye.reason));
  }

  function refused(error: Error & { data?: unknown }): void {
    const { code, temporary, retryAfterMs } = (error.data ?? {}) as Partial<WireError>;
    // Socket.IO's own refusal of a namespace it does not serve carries no data.
    if (code === undefined && error.message === 'Invalid namespace') {
      stop(new ClientError('not_found', error.message));
    } else if (code === undefined || temporary) {
      lose(error.message, retryAfterMs);
    } else {
      fall();
      if (RENEWABLE.has(code) && identity.renew()) connect();
      else stop(errorOf({ code, message: error.message, temporary: false }));
    }
  }

  function ask<E extends EventName>(event: E, payload: PayloadInput<E>, answered: Answered<E>): void {
    if (state !== 'online' || !attempt) {
      answered(undefined);
      return;
    }
    let late: ReturnType<typeof setTimeout>;
    const watch = (rounds: number, before: number) => {
      late = setTimeout(() => {
        if (answers !== before && rounds > 1) watch(rounds - 1, answers);
        else lose(`no answer to ${event}`);
      }, deps.timeoutMs);
    };
    watch(PATIENT_ROUNDS, answers);
    const asked: Pending = {
      settle(answer) {
        clearTimeout(late);
        answers += 1;
        if (pending.delete(asked)) answered(answer as Ack<E> | undefined);
      },
    };
    pending.add(asked);
    attempt.emit(event, payload as object, asked.settle);
  }

  function reconnect(): void {
    if (ended || state === 'online' || state === 'connecting') return;
    connect();
  }

  connect();
  return {
    state: () => state,
    ask,
    reconnect,
    hurry() {
      if (mayHurry && state === 'offline') reconnect();
    },
    drop(reason) {
      if (state === 'online') lose(reason, 0);
    },
    close() {
      if (ended) return;
      ended = true;
      fall();
      change({ state: 'closed', reason: 'closed by the application' });
    },
  };
}
