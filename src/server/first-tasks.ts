import { setTimeout as pause } from 'node:timers/promises';
import { type Refusal, refuse } from '../protocol/codes.ts';
import { DEFAULT_HISTORY } from '../protocol/limits.ts';
import type { Joined } from '../protocol/rooms.ts';
import type { AcceptedHandshake } from './auth/handshake.ts';
import type { ChatContext } from './context.ts';
import { joinRoom } from './events/join.ts';
import type { Session } from './session.ts';

const JOIN_RETRY_MS = 1_000;
/**
 * With more requests in flight, the worker's CPU is what clients wait for. Asking for both at once would then only add to the
 * calls that must be answered in time: 2,000 clients that came back beside a busy process had 255 calls too late.
 */
const CROWD = 16;

/** The worker's own tasks for a new connection. They take turns with the client's events, and permits as these do. */
export interface FirstTasks {
  /**
   * Binds the connection to its user, and joins the room that the handshake named with `?roomid=`, before any event that
   * the client has sent meanwhile. The answer of the join comes as `joined`, after all that `bind` sends. Both ask the store
   * at the same time, so that the client waits for the slower one and not for both, except in a crowd. `bind` resolves to false for
   * a user who is not admitted.
   */
  begin(session: Session, bind: () => Promise<boolean>, join?: HandshakeJoin): Promise<void>;
}

export type HandshakeJoin = Pick<AcceptedHandshake, 'resume'>;

/** Runs a task under a permit. */
type UnderPermit = <T>(task: () => Promise<T>) => Promise<T | Refusal>;

export interface FirstTasksDeps extends ChatContext {
  readonly sendJoined: (socket: Session['socket'], joined: Joined) => void;
}

export function createFirstTasks(context: FirstTasksDeps): FirstTasks {
  const { admission, sendJoined, log } = context;

  /** Returns false if the connection is not admitted. If nobody can say that, it is closed, and keeps its turn until then. */
  async function bindTo(session: Session, bind: () => Promise<boolean>): Promise<boolean> {
    const { conn } = session.socket;
    try {
      // Patient: nothing would try a refused one again.
      const bound = await admission.run(session, bind, 'patient');
      if (typeof bound === 'boolean') return bound;
      throw new Error(bound.error.message);
    } catch (error) {
      log.error({ err: error }, 'a connection could not be bound to its user');
      // Stock clients reconnect after a closed engine, and not after `disconnect`.
      const gone = new Promise<void>((resolve) => conn.once('close', () => resolve()));
      conn.close();
      if (conn.readyState !== 'closed') await gone;
      return false;
    }
  }

  async function joinFromHandshake(
    session: Session,
    { resume }: HandshakeJoin,
    underPermit: UnderPermit,
    bound?: Promise<boolean>,
  ): Promise<void> {
    const { socket } = session;
    const payload = { history: DEFAULT_HISTORY, resume };
    try {
      const join = () => joinRoom(session, payload, context, (joined) => sendJoined(socket, joined), bound);
      const outcome = await underPermit(join);
      if (outcome === 'answered') return;
      if ((await bound) === false || !socket.connected) return;
      socket.emit('refused', { event: 'join', error: outcome.error });
      // A stock client does not know that it may try again.
      const { temporary, retryAfterMs = JOIN_RETRY_MS } = outcome.error;
      if (temporary) void joinLater(session, resume, retryAfterMs);
    } catch (error) {
      log.error({ err: error }, 'the join of a handshake failed');
      await bound;
      const { error: internal } = refuse('internal', 'internal error');
      socket.emit('refused', { event: 'join', error: internal });
    }
  }

  async function joinLater(session: Session, resume: HandshakeJoin['resume'], waitMs: number): Promise<void> {
    await pause(waitMs);
    const { socket, memberships, defaultRoom, queue } = session;
    if (!socket.connected || memberships.has(defaultRoom)) return;
    await joinFromHandshake(session, { resume }, (task) =>
      queue.run('inTurn', () => admission.run(session, task)),
    );
  }

  return {
    async begin(session, bind, join) {
      await session.queue.run('inTurn', async () => {
        const isCrowd = admission.state().inFlight >= CROWD;
        const bound = bindTo(session, bind);
        if (isCrowd && !(await bound)) return;
        if (join) await joinFromHandshake(session, join, (task) => admission.run(session, task), bound);
        await bound;
      });
    },
  };
}
