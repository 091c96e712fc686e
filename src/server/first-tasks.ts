import { setTimeout as pause } from 'node:timers/promises';
import { type Refusal, refuse } from '../protocol/codes.ts';
import { DEFAULT_HISTORY } from '../protocol/limits.ts';
import type { AcceptedHandshake } from './auth/handshake.ts';
import type { ChatContext } from './context.ts';
import { joinRoom } from './events/join.ts';
import type { Session } from './session.ts';

const JOIN_RETRY_MS = 1_000;

/** The worker's own tasks for a new connection. They take turns with the client's events, and permits as these do. */
export interface FirstTasks {
  /** Binds the connection to its user, before any event that the client has sent meanwhile. */
  bindInTurn(session: Session, bind: () => Promise<void>): Promise<void>;
  /** Joins the room that the handshake named with `?roomid=`; the answer comes as `joined`. */
  joinFromHandshake(session: Session, resume: AcceptedHandshake['resume']): Promise<void>;
}

export function createFirstTasks(context: ChatContext): FirstTasks {
  /** Runs the task as if the client had sent it as an event. */
  async function inOwnTurn<T>(
    session: Session,
    task: () => Promise<T>,
    patient?: 'patient',
  ): Promise<T | Refusal> {
    const permit = context.admission.acquire(session, patient);
    if (!permit.ok) return permit;
    try {
      return await session.queue.run<T | Refusal>(
        'inTurn',
        async () => (await permit.value.begin()) ?? (await task()),
      );
    } finally {
      permit.value.release();
    }
  }

  async function bindInTurn(session: Session, bind: () => Promise<void>): Promise<void> {
    try {
      // Patient: nothing would try a refused one again.
      await inOwnTurn(session, bind, 'patient');
    } catch (error) {
      context.log.error({ err: error }, 'a connection could not be bound to its user');
    }
  }

  async function joinFromHandshake(session: Session, resume: AcceptedHandshake['resume']): Promise<void> {
    const payload = { history: DEFAULT_HISTORY, resume };
    try {
      const join = () =>
        joinRoom(session, payload, context, (joined) => session.socket.emit('joined', joined));
      const outcome = await inOwnTurn(session, join);
      if (outcome === 'answered') return;
      session.socket.emit('refused', { event: 'join', error: outcome.error });
      // A stock client does not know that it may try again.
      const { temporary, retryAfterMs = JOIN_RETRY_MS } = outcome.error;
      if (!temporary) return;
      await pause(retryAfterMs);
      if (session.socket.connected && !session.memberships.has(session.defaultRoom)) {
        void joinFromHandshake(session, resume);
      }
    } catch (error) {
      context.log.error({ err: error }, 'the join of a handshake failed');
      const { error: internal } = refuse('internal', 'internal error');
      session.socket.emit('refused', { event: 'join', error: internal });
    }
  }

  return { bindInTurn, joinFromHandshake };
}
