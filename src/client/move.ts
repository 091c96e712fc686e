import { BYE } from '../protocol/codes.ts';
import type { Bye, Hello } from '../protocol/events.ts';
import type { Joined } from '../protocol/rooms.ts';
import type { Attempt, AttemptListener } from './attempt.ts';
import { MAX_WAIT_MS } from './backoff.ts';
import { ClientError } from './client-error.ts';
import type { Auth } from './identity.ts';
import { createMoveJoins, type MoveJoinsDeps } from './move-joins.ts';
import { createOverlap, type ServerEvent } from './overlap.ts';
import type { Position } from './sequence.ts';

/*
 * Moves a client to another worker while the old one still serves it.
 *
 *   waiting ──afterMs──► connecting ──hello──► joining ──every room answered──► arrived ──5 s──► over
 *      ▲                     ├──failed for now────┤
 *      └──────backoff────────┘                    └──failed for good──► over
 *
 * Until it has arrived, the application hears the old connection only.
 */

/** The join that a handshake carries. */
export interface HandshakeJoin {
  readonly roomid: string;
  readonly resume: Position | undefined;
}

/** The second connection, as far as it has come. */
export interface Arrival {
  readonly attempt: Attempt;
  /** Undefined: the server has not accepted it yet. */
  readonly hello: Hello | undefined;
  /** The answers of the rooms that are joined there. */
  readonly joined: ReadonlyMap<string, Joined>;
  /** Its events that the application has not heard. */
  readonly events: readonly ServerEvent[];
}

export interface MoveDeps {
  /** The connection that the client leaves. */
  readonly old: Pick<Attempt, 'retire' | 'close' | 'abandon'>;
  readonly afterMs: number;
  /** The longest time from the start of a second connection until it has arrived. */
  readonly timeoutMs: number;
  /** The wait after a failure. */
  readonly nextMs: () => number;
  readonly auth: () => Promise<Auth>;
  readonly handshakeJoin: () => HandshakeJoin | undefined;
  readonly open: (auth: Auth, join: HandshakeJoin | undefined, listener: AttemptListener) => Attempt;
  /** Drops the credentials that this refusal is about. False: there are no others. */
  readonly renew: (refusal: ClientError) => boolean;
  readonly errorOf: (refusal: Error & { data?: unknown }) => ClientError;
  /** False: the second connection belongs to another user, or speaks another protocol. */
  readonly accepts: (hello: Hello) => boolean;
  readonly roomJoins: MoveJoinsDeps['roomJoins'];
  /** The second connection takes over now. The old one still waits for pending answers. */
  readonly onArrived: (arrival: Arrival) => void;
  /** Only an ordinary reconnect helps. */
  readonly onFailed: () => void;
}

export interface Move {
  /** False: the client has moved, or will not. */
  isUnderway(): boolean;
  /** The application's connection brought this event. False: the application had it from the other connection. */
  admits(event: ServerEvent): boolean;
  /** The old connection is lost: gives the second one away, if the move is under way and has one. */
  takeOver(): Arrival | undefined;
  /** The user may change: a second connection would belong to the user before. */
  pause(): void;
  resume(): void;
  /** Closes the connection that is not the application's. */
  end(): void;
}

/** Workers write an event of a room at about the same time; this is ample. */
const OVERLAP_MS = 2_000;
/** The longest time that the old connection may owe answers. What is asked again after it costs the store twice. */
const ANSWERS_MS = 5_000;

export function startMove(deps: MoveDeps): Move {
  let overlap = createOverlap();
  let joins = createJoins();
  let attempt: Attempt | undefined;
  let hello: Hello | undefined;
  let phase: 'underway' | 'arrived' | 'over' = 'underway';
  /** Credentials that arrive for an earlier try are ignored. */
  let turn = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  wait(deps.afterMs);

  function createJoins() {
    return createMoveJoins({ roomJoins: deps.roomJoins, onAnswered: joinRooms, onRefusedForNow: retry });
  }

  function wait(ms: number): void {
    timer = setTimeout(connect, Math.min(MAX_WAIT_MS, ms));
  }

  function connect(): void {
    timer = setTimeout(retry, deps.timeoutMs);
    const mine = turn;
    deps.auth().then(
      (auth) => mine === turn && open(auth),
      () => mine === turn && retry(),
    );
  }

  function open(auth: Auth): void {
    const join = deps.handshakeJoin();
    if (join) joins.askedByHandshake(join.roomid);
    attempt = deps.open(auth, join, {
      onEvent: (name, args) => heard([name, args]),
      onRefused: (refusal) => refused(deps.errorOf(refusal)),
      onLost: () => retry(),
      onEnded: fail,
    });
  }

  function heard(event: ServerEvent): void {
    const [name, [said]] = event;
    if (name === 'hello') greeted(said as Hello);
    else if (name === 'bye') dismissed(said as Bye);
    else if (!joins.takes(event) && hello) {
      overlap.hold(event);
      if (overlap.isFull()) retry();
    }
  }

  function greeted(said: Hello): void {
    if (!deps.accepts(said)) {
      fail();
      return;
    }
    hello = said;
    joinRooms();
  }

  function joinRooms(): void {
    if (attempt && hello && joins.ask(attempt)) arrive(attempt, hello);
  }

  function arrive(arrived: Attempt, said: Hello): void {
    clearTimeout(timer);
    phase = 'arrived';
    attempt = undefined;
    timer = setTimeout(endOverlap, OVERLAP_MS);
    deps.old.retire();
    deps.onArrived({ attempt: arrived, hello: said, joined: joins.joined, events: overlap.held() });
  }

  function dismissed({ code, reason, reconnect, afterMs }: Bye): void {
    if (!reconnect) end();
    else if (code === BYE.expired) refused(new ClientError('unauthorized', reason));
    // The server has given this client its place.
    else retry(afterMs > 0 ? afterMs : undefined);
  }

  /** Closes the old connection later, unless `retire` closed it already. */
  function endOverlap(): void {
    overlap = createOverlap();
    timer = setTimeout(end, ANSWERS_MS - OVERLAP_MS);
  }

  function refused(error: ClientError): void {
    if (error.temporary) retry(error.retryAfterMs);
    else if (deps.renew(error)) retry(0);
    else fail();
  }

  function drop(): void {
    turn += 1;
    clearTimeout(timer);
    attempt?.close();
    attempt?.abandon();
    attempt = undefined;
    hello = undefined;
    joins.end();
    joins = createJoins();
    overlap = createOverlap();
  }

  /** The old connection still serves, so there is time. */
  function retry(waitMs = deps.nextMs()): void {
    drop();
    wait(waitMs);
  }

  function fail(): void {
    end();
    deps.onFailed();
  }

  function end(): void {
    if (phase === 'arrived') {
      deps.old.close();
      deps.old.abandon();
    }
    phase = 'over';
    drop();
  }

  return {
    isUnderway: () => phase === 'underway',
    admits(event) {
      if (phase === 'arrived') return !overlap.isRepeat(event);
      const { roomid } = (event[1][0] ?? {}) as { roomid?: string };
      // Before a room is joined there, the second connection cannot bring its events.
      if (hello && (roomid === undefined || joins.joined.has(roomid))) overlap.passed(event);
      if (overlap.isFull()) retry();
      return true;
    },
    pause() {
      if (phase === 'underway') drop();
      else end();
    },
    resume() {
      if (phase === 'underway') retry();
    },
    takeOver() {
      if (phase !== 'underway' || !attempt) return undefined;
      const arrival = { attempt, hello, joined: joins.joined, events: overlap.held() };
      attempt = undefined;
      end();
      return arrival;
    },
    end,
  };
}
