import type { Bye, Hello } from '../protocol/events.ts';
import type { Joined } from '../protocol/rooms.ts';
import { type Attempt, type AttemptDeps, type AttemptListener, openAttempt } from './attempt.ts';
import type { Auth } from './identity.ts';
import { type Arrival, type HandshakeJoin, type Move, type MoveDeps, startMove } from './move.ts';
import type { ServerEvent } from './overlap.ts';

export interface AttemptsDeps
  extends Omit<AttemptDeps, 'query' | 'auth'>,
    Pick<MoveDeps, 'auth' | 'handshakeJoin' | 'roomJoins' | 'nextMs' | 'accepts' | 'renew' | 'errorOf'>,
    Pick<AttemptListener, 'onRefused' | 'onEnded'> {
  /** `joined`: the connection takes over from another one, and has joined these rooms. */
  readonly onHello: (hello: Hello, joined?: ReadonlyMap<string, Joined>) => void;
  readonly onBye: (bye: Bye) => void;
  readonly onEvent: (name: string, args: unknown[]) => void;
  /** `askedMs`: the server asked for this wait. */
  readonly onLost: (reason: string, askedMs?: number) => void;
  /** A clock that never goes back, ms. */
  readonly now: () => number;
  /** The connection is lost, and the second one, which was under way, takes its place. False: it is not wanted. */
  readonly onReplaced: () => boolean;
}

/** The connection of a client, and a second one while the client moves to another worker. */
export interface Attempts extends Pick<Attempt, 'ask'> {
  connect(): void;
  /** Connects elsewhere and then leaves this connection, after a pending login. */
  move(bye: Bye): void;
  /** Pending answers stay pending until `abandon`. */
  close(): void;
  abandon(): void;
}

export function createAttempts(deps: AttemptsDeps): Attempts {
  let current: Attempt | undefined;
  let closed: Attempt | undefined;
  let move: Move | undefined;
  /** Credentials that arrive for an earlier attempt are ignored. */
  let turn = 0;
  let lastBye: Bye | undefined;
  let askedAt = 0;
  const waitedMs = () => deps.now() - askedAt;
  const listener: AttemptListener = {
    onEvent: (name, args) => handle([name, args]),
    onRefused: deps.onRefused,
    onLost: lost,
    onEnded: deps.onEnded,
  };

  function handle(event: ServerEvent): void {
    const [name, args] = event;
    if (name === 'hello') deps.onHello(args[0] as Hello);
    else if (name === 'bye') deps.onBye(args[0] as Bye);
    else if (move?.admits(event) ?? true) deps.onEvent(name, [...args]);
  }

  function open(auth: Auth, join: HandshakeJoin | undefined, hears: AttemptListener): Attempt {
    const query = join && { roomid: join.roomid };
    const declared = { ...auth, resume: join?.resume, moves: true, changes: true };
    return openAttempt({ ...deps, query, auth: declared }, hears);
  }

  function lost(reason: string): void {
    const isMoving = move?.isUnderway() ?? false;
    const arrival = move?.takeOver();
    if (arrival) {
      if (deps.onReplaced()) adopt(arrival);
      else arrival.attempt.close();
    }
    // A server of an earlier release closes the connection right after the bye.
    else if (isMoving && lastBye) deps.onLost(lastBye.reason, Math.max(0, lastBye.afterMs - waitedMs()));
    else deps.onLost(reason);
  }

  /** Everything goes over this connection from now on. */
  function adopt({ attempt: next, hello, joined, events }: Arrival): void {
    current = next;
    next.listen(listener);
    if (hello) deps.onHello(hello, joined);
    for (const event of events) if (current === next) handle(event);
  }

  return {
    connect() {
      turn += 1;
      const mine = turn;
      deps.auth().then(
        (auth) => {
          if (mine === turn) current = open(auth, deps.handshakeJoin(), listener);
        },
        (error: unknown) =>
          mine === turn && deps.onLost(`no token: ${error instanceof Error ? error.message : error}`),
      );
    },
    ask(event, payload, answered) {
      const on = current;
      if (event === 'user_login') move?.pause();
      if (!on) answered(undefined);
      else
        on.ask(event, payload, (answer) => {
          answered(answer);
          if (event === 'user_login' && answer && !on.isWaiting(event)) move?.resume();
        });
    },
    move(bye) {
      if (!current) return;
      lastBye = bye;
      askedAt = deps.now();
      move?.end();
      move = startMove({
        ...deps,
        old: current,
        afterMs: bye.afterMs,
        open,
        onArrived: adopt,
        onFailed: () => deps.onLost(bye.reason, 0),
      });
      if (current.isWaiting('user_login')) move.pause();
    },
    close() {
      turn += 1;
      current?.close();
      closed = current;
      current = undefined;
    },
    abandon() {
      closed?.abandon();
      closed = undefined;
      move?.end();
      move = undefined;
    },
  };
}
