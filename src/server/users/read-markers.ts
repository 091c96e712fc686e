import type { Logger } from 'pino';
import type { RoomLogs } from '../../chat/log-store.ts';
import { inboxOf, type Room, roomOf } from '../../chat/room.ts';
import type { RoomReaders } from '../../chat/room-readers.ts';
import type { RoomSubscription, RoomSubscriptions } from '../../chat/room-subscriptions.ts';
import type { Roster } from '../../chat/roster.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { MyRoom } from '../../protocol/rooms.ts';
import type { Session } from '../session.ts';

export interface ReadMarkersDeps {
  readonly subscriptions: RoomSubscriptions;
  readonly logs: Pick<RoomLogs, 'unread'>;
  readonly roomReaders: Pick<RoomReaders, 'raise'>;
  readonly roster: Pick<Roster, 'isOnlineIn'>;
  /** The mark of a user rose, which the other members may see. */
  readonly onRaised: (room: Room, userId: string, seq: number) => void;
  readonly log: Logger;
}

/**
 * The rooms that a user has joined and not left, with a read marker for each. They are stored for users; for a guest,
 * who may never come back, they last as long as the connection.
 */
export interface ReadMarkers {
  /**
   * Adds a room that the connection is being admitted to; `top` is its newest message and the first marker. Resolves
   * once every worker finds the room among the user's. A failure to store it does not fail the join: the next join
   * repeats it.
   */
  joining(session: Session, roomid: string, top: number): Promise<UndoJoin>;
  /** The connection is in the room now. */
  joined(session: Session, roomid: string, top: number): void;
  /** Adds the connection's rooms to its new user. Resolves as `joining` does. */
  moved(session: Session): Promise<void>;
  /**
   * Removes a room that the user left with this connection, unless another of the user's connections is in it. Resolves
   * as `joining` does.
   */
  left(session: Session, roomid: string): Promise<void>;
  /** Raises the marker of a room that the connection, or its user, is in. */
  read(session: Session, roomid: string, seq: number): Promise<Outcome<{ roomid: string; read: number }>>;
  mine(session: Session): Promise<Outcome<{ rooms: readonly MyRoom[] }>>;
}

/** Undoes `joining` after a refusal, unless the room was among the user's before. */
export type UndoJoin = () => Promise<void>;

export function createReadMarkers(deps: ReadMarkersDeps): ReadMarkers {
  const { subscriptions, logs, roomReaders, roster, onRaised, log } = deps;
  /** A leave must not be overtaken by the join before it. */
  const turns = new WeakMap<Session, Promise<unknown>>();

  function inTurn<T>(session: Session, task: () => Promise<T>): Promise<T> {
    const result = (turns.get(session) ?? Promise.resolve()).then(task);
    turns.set(
      session,
      result.catch((error: unknown) =>
        log.error({ err: error }, 'the room list of a user could not be updated'),
      ),
    );
    return result;
  }

  /** Returns whether the room is new to the user. */
  async function add(inbox: Room, roomid: string, top: number): Promise<boolean> {
    const added = await subscriptions.set(inbox, roomid, true, top);
    if (added.ok) return added.value;
    log.warn({ code: added.error.code }, 'a joined room is not in the list of its user yet');
    return false;
  }

  async function remove(inbox: Room, roomid: string): Promise<void> {
    const removed = await subscriptions.set(inbox, roomid, false);
    if (!removed.ok) log.warn({ code: removed.error.code }, 'a left room stays in the list of its user');
  }

  async function roomsOf(session: Session): Promise<Outcome<readonly RoomSubscription[]>> {
    const { identity, memberships } = session;
    const stored = isGuest(session) ? succeed([]) : await subscriptions.list(inboxFor(session));
    if (!stored.ok) return stored;
    const storedIds = new Set(stored.value.map(({ roomid }) => roomid));
    const own = [...memberships].flatMap(([roomid, { read = 0 }]) =>
      storedIds.has(roomid) ? [] : [{ roomid, read }],
    );
    return succeed(
      [...stored.value, ...own].filter(({ roomid }) => identity.access.rightsIn(roomid).includes('read')),
    );
  }

  /** Raises the user's own marker and, if it is beyond `shown`, the one that the other members see. */
  async function raise(session: Session, room: Room, seq: number, shown: number): Promise<Outcome<number>> {
    const { user } = session;
    const inbox = inboxFor(session);
    const [marked, raised] = await Promise.all([
      subscriptions.raiseReadMarker(inbox, room.roomid, seq),
      seq > shown ? roomReaders.raise(room, inbox.tag, seq) : undefined,
    ]);
    // The other members hear of the next one if this one could not be stored.
    if (raised?.ok) onRaised(room, user.id, seq);
    return marked;
  }

  return {
    async joining(session, roomid, top) {
      if (isGuest(session)) return async () => undefined;
      const inbox = inboxFor(session);
      // The current top may be unread after a failed first attempt, so the first `top` counts.
      const upTo = session.memberships.get(roomid)?.read ?? top;
      const isNew = await inTurn(session, () => add(inbox, roomid, upTo));
      return () => (isNew ? inTurn(session, () => remove(inbox, roomid)) : Promise.resolve());
    },
    joined({ memberships }, roomid, top) {
      const membership = memberships.get(roomid);
      if (membership) membership.read ??= top;
    },
    async moved(session) {
      if (isGuest(session)) return;
      const inbox = inboxFor(session);
      const rooms = [...session.memberships];
      await inTurn(session, () =>
        Promise.all(rooms.map(([roomid, { read = 0 }]) => add(inbox, roomid, read))),
      );
    },
    async left(session, roomid) {
      if (isGuest(session)) return;
      const inbox = inboxFor(session);
      const { user, socket } = session;
      await inTurn(session, async () => {
        const elsewhere = await roster.isOnlineIn(roomOf(socket.nsp.name, roomid), user.id);
        if (!elsewhere.ok || !elsewhere.value) await remove(inbox, roomid);
      });
    },
    read: (session, roomid, seq) =>
      inTurn(session, async () => {
        const membership = session.memberships.get(roomid);
        if (!membership) {
          const rooms = await roomsOf(session);
          if (!rooms.ok) return rooms;
          if (!rooms.value.some((room) => room.roomid === roomid)) {
            return refuse('not_joined', `roomid: join ${roomid} first`);
          }
        }
        const room = membership?.room ?? roomOf(session.socket.nsp.name, roomid);
        const own = membership?.read ?? 0;
        // The user's stored marker may be behind what this connection has read.
        const reader = readerOf(session);
        const known = await logs.unread([{ room, reader, read: reader === undefined ? own : 0 }]);
        if (!known.ok) return known;
        const { top = 0, read = 0 } = known.value[0] ?? {};
        const upTo = Math.min(seq, top);
        const raised = Math.max(read, upTo);
        const marked = reader === undefined ? succeed(raised) : await raise(session, room, upTo, read);
        if (!marked.ok) return marked;
        if (membership) membership.read = Math.max(own, upTo);
        return succeed({ roomid, read: Math.max(raised, marked.value) });
      }),
    mine: (session) =>
      inTurn(session, async () => {
        const listed = await roomsOf(session);
        if (!listed.ok) return listed;
        const { name: nsp } = session.socket.nsp;
        const reader = readerOf(session);
        const counted = await logs.unread(
          listed.value.map(({ roomid, read }) => ({ room: roomOf(nsp, roomid), reader, read })),
        );
        if (!counted.ok) return counted;
        const rooms = counted.value.map(({ top, read, unread }, index) => {
          const roomid = listed.value[index]?.roomid ?? '';
          return { roomid, top, read, unread };
        });
        return succeed({ rooms });
      }),
  };
}

function isGuest({ identity }: Session): boolean {
  return identity.guestToken !== undefined;
}

function readerOf(session: Session): string | undefined {
  return isGuest(session) ? undefined : inboxFor(session).tag;
}

function inboxFor({ socket, user }: Session) {
  return inboxOf(socket.nsp.name, user.id);
}
