import type { WireError } from '../protocol/codes.ts';
import type { Joined } from '../protocol/rooms.ts';
import { createBackoff, retryWaitMs } from './backoff.ts';
import { type ClientError, errorOf } from './client-error.ts';
import type { Connection } from './connection.ts';
import type { HandshakeJoin } from './move.ts';
import type { RoomJoin } from './move-joins.ts';
import type { Position } from './sequence.ts';

/*
 *   away ──connected──► joining ──answer──► joined ──hole──► joining
 *    ▲                    ├──refused for now──► resting ──wait──► joining
 *    │                    └──refused for good──► outside ──rejoin()──► joining
 *    └──connection lost (from anywhere but outside)      any ──left──► ended
 *
 * Only a persistent room rests before its first join or stays outside: any other room ends instead.
 */
type Phase = 'away' | 'joining' | 'joined' | 'resting' | 'outside' | 'ended';

export interface MembershipDeps {
  readonly roomid: string;
  /** The number of messages that the first answer brings. */
  readonly history: number | undefined;
  readonly connection: Pick<Connection, 'ask' | 'state'>;
  /** The longest wait for the answer to a join of the handshake. */
  readonly answerTimeoutMs: number;
  readonly random: () => number;
  /** The position where a join resumes. */
  readonly position: () => Position | undefined;
  /** True: the room lasts after this refusal. */
  readonly persists: (error: WireError) => boolean;
  readonly onJoining: () => void;
  /** `byMove`: by a connection that takes over; the application may have received more than this answer tells. */
  readonly onJoined: (joined: Joined, byMove: boolean) => void;
  /** Nothing can be said for now. */
  readonly onAway: () => void;
  readonly onRefused: (error: ClientError, retryInMs: number | undefined) => void;
  /** The server joined this client although it was removed or left the room meanwhile. */
  readonly onStray: () => void;
  /** The room is over for this client. */
  readonly onOver: (error: ClientError) => void;
}

/** The membership of this client in one room, over all reconnects. */
export interface Membership {
  readonly phase: Phase;
  /** `coming`: the room will be joined. */
  status(): 'joined' | 'coming' | 'none';
  /** `byHandshake`: the handshake joined the room, its answer is on the way. */
  up(byHandshake: boolean): void;
  /** The join that the handshake may carry; undefined: it may carry none. */
  handshakeJoin(): HandshakeJoin | undefined;
  /** The join of a connection that takes over; undefined: the room is not joined now. */
  moveJoin(): RoomJoin | undefined;
  /** Another connection took over, and joined the room if there is an answer. */
  moved(joined: Joined | undefined): void;
  down(): void;
  /** Joins anew where the application stopped hearing. */
  join(): void;
  /** The answers to a join of the handshake. */
  handshakeJoined(joined: Joined): void;
  handshakeRefused(error: WireError): void;
  /** The server took this client out of the room. */
  expel(error: ClientError): void;
  rejoin(): void;
  end(): void;
}

export function createMembership(deps: MembershipDeps): Membership {
  const { roomid, history, connection, random } = deps;
  const backoff = createBackoff({ random });
  let phase: Phase = 'away';
  let byHandshake = false;
  /** Answers to earlier joins are ignored: a connection that the client left may still bring one. */
  let turn = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function isOut(): boolean {
    return phase === 'outside' || phase === 'ended';
  }

  function begin(): void {
    clearTimeout(timer);
    phase = 'joining';
    deps.onJoining();
  }

  function join(): void {
    begin();
    byHandshake = false;
    turn += 1;
    const mine = turn;
    connection.ask('join', payload(), (answer) => {
      if (answer?.ok && isOut()) deps.onStray();
      if (phase !== 'joining' || mine !== turn || !answer) return;
      const { ok, ...joined } = answer;
      if (answer.ok) admit(joined as Joined);
      else refuse(answer.error);
    });
  }

  function payload(): RoomJoin {
    return { roomid, history, resume: deps.position() };
  }

  function admit(joined: Joined, byMove = false): void {
    clearTimeout(timer);
    turn += 1;
    byHandshake = false;
    phase = 'joined';
    backoff.reset();
    deps.onJoined(joined, byMove);
  }

  function refuse(error: WireError): void {
    clearTimeout(timer);
    byHandshake = false;
    if (!deps.persists(error)) {
      deps.onOver(errorOf(error));
      return;
    }
    if (!error.temporary) {
      stayOutside(errorOf(error));
      return;
    }
    phase = 'resting';
    deps.onAway();
    const waitMs = retryWaitMs(error.retryAfterMs, backoff, random);
    timer = setTimeout(join, waitMs);
    deps.onRefused(errorOf(error), waitMs);
  }

  function stayOutside(error: ClientError): void {
    clearTimeout(timer);
    phase = 'outside';
    byHandshake = false;
    deps.onAway();
    deps.onRefused(error, undefined);
  }

  function up(isByHandshake: boolean): void {
    if (phase !== 'away') return;
    if (!isByHandshake) {
      join();
      return;
    }
    begin();
    byHandshake = true;
    timer = setTimeout(join, deps.answerTimeoutMs);
  }

  return {
    get phase() {
      return phase;
    },
    status() {
      if (phase === 'joined') return 'joined';
      return isOut() ? 'none' : 'coming';
    },
    up,
    handshakeJoin: () =>
      (phase === 'away' || phase === 'joined') && history === undefined
        ? { roomid, resume: deps.position() }
        : undefined,
    moveJoin: () => (phase === 'joined' ? payload() : undefined),
    moved(joined) {
      if (isOut()) {
        if (joined) deps.onStray();
      } else if (joined) admit(joined, true);
      // A resting room joins after its wait.
      else if (phase !== 'resting') join();
    },
    down() {
      if (isOut()) return;
      phase = 'away';
      byHandshake = false;
      clearTimeout(timer);
      deps.onAway();
    },
    join,
    handshakeJoined(joined) {
      if (isOut()) deps.onStray();
      else if (byHandshake) admit(joined);
    },
    handshakeRefused(error) {
      if (byHandshake) refuse(error);
    },
    expel: stayOutside,
    rejoin() {
      if (phase !== 'outside') return;
      phase = 'away';
      if (connection.state() === 'online') join();
    },
    end() {
      phase = 'ended';
      clearTimeout(timer);
    },
  };
}
