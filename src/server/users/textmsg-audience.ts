import type { Logger } from 'pino';
import { socketRoom } from '../../backend/socket-room.ts';
import type { Moderation } from '../../chat/moderation.ts';
import { createPresence } from '../../chat/presence.ts';
import { createReconciler } from '../../chat/reconciler.ts';
import { type Room, roomOf } from '../../chat/room.ts';
import type { Roster, RosterEntry } from '../../chat/roster.ts';
import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { TextMessage } from '../../protocol/people.ts';
import type { Sized } from '../../sizes.ts';
import { personOf, type Session } from '../session.ts';

const RETRY_MS = 2_000;

export interface TextmsgAudienceDeps {
  readonly roster: Roster;
  readonly moderation: Pick<Moderation, 'restrictions'>;
  /** Undefined if no ban is recorded for the session's connection or address; else the refusal, if it is still in force. */
  readonly checkConnectionBan: (session: Session, room: Room) => Promise<Refusal | undefined> | undefined;
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
  wantedEntry: RosterEntry | undefined;
  storedEntry: RosterEntry | undefined;
  turn: Promise<void>;
  /** The user who is banned from the room. */
  bannedUserId?: string;
}

export function createTextmsgAudience({
  roster,
  moderation,
  checkConnectionBan,
  degraded,
  log,
}: TextmsgAudienceDeps): TextmsgAudience & Sized {
  // The audience is not announced to anybody.
  const presence = createPresence({ roster, onJoin: () => undefined, onQuit: () => undefined, log });
  const listeners = new Map<Session, Listener>();
  /** Listeners under whose nickname the roster does not find them yet. */
  const pending = createReconciler<Listener>({
    attempt: async (listener) => {
      await syncRoster(listener);
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
      wantedEntry: undefined,
      storedEntry: undefined,
      turn: Promise.resolve(),
    };
    listeners.set(session, listener);
    return listener;
  }

  function mayReceive({ identity, user, defaultRoom }: Session, { bannedUserId }: Listener): boolean {
    return identity.access.rightsIn(defaultRoom).includes('read') && bannedUserId !== user.id;
  }

  function updateSubscription(session: Session): void {
    const { socket, hearsTextmsg } = session;
    if (!hearsTextmsg || !socket.connected) return;
    const listener = listenerOf(session);
    if (mayReceive(session, listener)) void socket.join(socketRoom(listener.room));
    else void socket.leave(socketRoom(listener.room));
  }

  function updateRoster(session: Session): Promise<void> {
    const { socket, identity, user, hearsTextmsg } = session;
    if (!hearsTextmsg || !socket.connected) return Promise.resolve();
    const listener = listenerOf(session);
    listener.wantedEntry = mayReceive(session, listener) && identity.named ? personOf(user) : undefined;
    return syncRoster(listener);
  }

  function update(session: Session): Promise<void> {
    updateSubscription(session);
    return updateRoster(session);
  }

  /** Serialised: a listener entered twice at once would stay as a ghost after one leave. */
  function syncRoster(listener: Listener): Promise<void> {
    listener.turn = listener.turn.then(() => applyWanted(listener));
    return listener.turn;
  }

  async function applyWanted(listener: Listener): Promise<void> {
    pending.cancel(listener);
    while (listener.wantedEntry !== listener.storedEntry && !closed) {
      const { wantedEntry, storedEntry } = listener;
      if (wantedEntry) {
        const entered = await presence.enter(listener.room, wantedEntry);
        if (!entered.ok) {
          pending.schedule(listener);
          return;
        }
      }
      // There is no grace time, because a guest who returns under the same name would find a namesake.
      if (storedEntry) await presence.leave(listener.room, storedEntry.userId, 'asked');
      listener.storedEntry = wantedEntry;
    }
  }

  function ban(session: Session, roomid: string): void {
    const listener = listeners.get(session);
    if (!listener || session.defaultRoom !== roomid) return;
    listener.bannedUserId = session.user.id;
    void update(session);
  }

  /** Looks for an earlier ban. The connection gets the room's `textmsg` until the store has answered. */
  function checkForBan(session: Session): void {
    const { socket, defaultRoom, hearsTextmsg, user } = session;
    if (!hearsTextmsg) return;
    const room = roomOf(socket.nsp.name, defaultRoom);
    const lookups = Promise.all([moderation.restrictions(room, user.id), checkConnectionBan(session, room)]);
    void lookups.then(([found, connectionBan]) => {
      const banned = connectionBan || (found.ok && found.value.ban);
      if (banned && session.user.id === user.id) ban(session, defaultRoom);
    });
  }

  return {
    sizes: () => ({ listeners: listeners.size, pending: pending.sizes() }),
    arrive: updateRoster,
    enter(session) {
      updateSubscription(session);
      // The store was away when it arrived.
      if (!listeners.get(session)?.wantedEntry) void updateRoster(session);
      checkForBan(session);
    },
    moved(session) {
      checkForBan(session);
      return update(session);
    },
    ban,
    leave(session) {
      const listener = listeners.get(session);
      if (!listener) return;
      listeners.delete(session);
      listener.wantedEntry = undefined;
      void syncRoster(listener);
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
      const room = roomOf(nsp.name, defaultRoom);
      const audienceRoom = roomOf(nsp.name, defaultRoom, 'lounge');
      if (typeof message === 'string') socket.emit('textmsg', message);
      nsp.to([socketRoom(room), socketRoom(audienceRoom)]).emit('textmsg', message);
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
