import type { Logger } from 'pino';
import { socketRoom } from '../../backend/socket-room.ts';
import type { Moderation } from '../../chat/moderation.ts';
import { createPresence } from '../../chat/presence.ts';
import { createReconciler } from '../../chat/reconciler.ts';
import { type Room, roomOf } from '../../chat/room.ts';
import type { Roster, RosterEntry } from '../../chat/roster.ts';
import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { TextMessage } from '../../protocol/people.ts';
import { personOf, type Session } from '../session.ts';

const RETRY_MS = 2_000;

export interface TextmsgAudienceDeps {
  readonly roster: Roster;
  readonly moderation: Pick<Moderation, 'restrictions'>;
  /** Undefined if no ban is noted for the session's connection or address; else the refusal, if the ban still holds. */
  readonly carriedBan: (session: Session, room: Room) => Promise<Refusal | undefined> | undefined;
  readonly degraded: () => boolean;
  readonly log: Logger;
}

/** The connections that get a room's `textmsg` without having joined it, and their nicknames in the roster. */
export interface TextmsgAudience {
  /** A connection that named no room is about to be admitted. Resolves as `moved` does. */
  arrive(session: Session): Promise<void>;
  /** Subscribes the connection to its default room's `textmsg`. */
  enter(session: Session): void;
  /**
   * The connection has another id, name, avatar or access now. Resolves once every worker finds it by its nickname, or
   * once the store has rejected that, which is repeated later.
   */
  moved(session: Session): Promise<void>;
  /** The connection's user was banned from the room: unsubscribes it. */
  ban(session: Session, roomid: string): void;
  leave(session: Session): void;
  /** True once for each connection, whose first `textmsg` with a name gives it that name. */
  introduces(session: Session): boolean;
  /** Sends to the members and the audience of the connection's default room, each once. A string is echoed first. */
  broadcast(session: Session, message: TextMessage): Outcome<object>;
  /** Repeats at once what the store has not accepted. */
  resync(): void;
  close(): void;
}

interface Listener {
  readonly room: Room;
  /** The entry that the roster should have, and the one that it has. */
  wanted: RosterEntry | undefined;
  held: RosterEntry | undefined;
  turn: Promise<void>;
  /** The user who may not hear the room. */
  barred?: string;
}

export function createTextmsgAudience({
  roster,
  moderation,
  carriedBan,
  degraded,
  log,
}: TextmsgAudienceDeps): TextmsgAudience {
  // The audience is not announced to anybody.
  const presence = createPresence({ roster, onJoin: () => undefined, onQuit: () => undefined, log });
  const listeners = new Map<Session, Listener>();
  /** Listeners under whose nickname the roster does not find them yet. */
  const pending = createReconciler<Listener>({
    attempt: async (listener) => {
      await settle(listener);
      return 'done';
    },
    onError: (error) => log.error({ err: error }, 'a listener could not be entered in the roster'),
    retryMs: RETRY_MS,
    isPaused: degraded,
  });
  const introduced = new WeakSet<Session>();
  let closed = false;

  function listenerOf(session: Session): Listener {
    const { socket, defaultRoom } = session;
    const room = roomOf(socket.nsp.name, defaultRoom, 'lounge');
    const listener = listeners.get(session) ?? {
      room,
      wanted: undefined,
      held: undefined,
      turn: Promise.resolve(),
    };
    listeners.set(session, listener);
    return listener;
  }

  function mayHear({ identity, user, defaultRoom }: Session, { barred }: Listener): boolean {
    return identity.access.allows(defaultRoom) && barred !== user.id;
  }

  function hear(session: Session): void {
    const { socket, hearsTextmsg } = session;
    if (!hearsTextmsg || !socket.connected) return;
    const listener = listenerOf(session);
    if (mayHear(session, listener)) void socket.join(socketRoom(listener.room));
    else void socket.leave(socketRoom(listener.room));
  }

  function beFound(session: Session): Promise<void> {
    const { socket, identity, user, hearsTextmsg } = session;
    if (!hearsTextmsg || !socket.connected) return Promise.resolve();
    const listener = listenerOf(session);
    listener.wanted = mayHear(session, listener) && identity.named ? personOf(user) : undefined;
    return settle(listener);
  }

  function place(session: Session): Promise<void> {
    hear(session);
    return beFound(session);
  }

  /** Serialised: a listener entered twice at once would stay as a ghost after one leave. */
  function settle(listener: Listener): Promise<void> {
    listener.turn = listener.turn.then(() => follow(listener));
    return listener.turn;
  }

  async function follow(listener: Listener): Promise<void> {
    pending.cancel(listener);
    while (listener.wanted !== listener.held && !closed) {
      const { wanted, held } = listener;
      if (wanted) {
        const entered = await presence.enter(listener.room, wanted);
        if (!entered.ok) {
          pending.schedule(listener);
          return;
        }
      }
      // Without the grace time, because a guest who returns under the same name would find a namesake.
      if (held) await presence.leave(listener.room, held.userId, 'asked');
      listener.held = wanted;
    }
  }

  function bar(session: Session, roomid: string): void {
    const listener = listeners.get(session);
    if (!listener || session.defaultRoom !== roomid) return;
    listener.barred = session.user.id;
    void place(session);
  }

  /** Looks for an earlier ban. The connection gets the room's `textmsg` until the store has answered. */
  function lookUp(session: Session): void {
    const { socket, defaultRoom, hearsTextmsg, user } = session;
    if (!hearsTextmsg) return;
    const room = roomOf(socket.nsp.name, defaultRoom);
    const looked = Promise.all([moderation.restrictions(room, user.id), carriedBan(session, room)]);
    void looked.then(([found, carried]) => {
      const banned = carried || (found.ok && found.value.ban);
      if (banned && session.user.id === user.id) bar(session, defaultRoom);
    });
  }

  return {
    arrive: beFound,
    enter(session) {
      hear(session);
      // The store was away when it arrived.
      if (!listeners.get(session)?.wanted) void beFound(session);
      lookUp(session);
    },
    moved(session) {
      lookUp(session);
      return place(session);
    },
    ban: bar,
    leave(session) {
      const listener = listeners.get(session);
      if (!listener) return;
      listeners.delete(session);
      listener.wanted = undefined;
      void settle(listener);
    },
    introduces(session) {
      if (introduced.has(session)) return false;
      introduced.add(session);
      return true;
    },
    broadcast({ socket, defaultRoom }, message) {
      // Live only: what cannot reach the other workers now is not sent later.
      if (degraded()) return refuse('unavailable', 'the store is away', RETRY_MS);
      const { nsp } = socket;
      const [room, textmsgAudience] = [
        roomOf(nsp.name, defaultRoom),
        roomOf(nsp.name, defaultRoom, 'lounge'),
      ];
      if (typeof message === 'string') socket.emit('textmsg', message);
      nsp.to([socketRoom(room), socketRoom(textmsgAudience)]).emit('textmsg', message);
      return succeed({});
    },
    resync() {
      presence.resync();
      pending.flush();
    },
    close() {
      closed = true;
      pending.close();
      presence.close();
    },
  };
}
