import type { Namespace } from 'socket.io';
import type { Identities } from '../chat/identity.ts';
import { createBucket, type Rate, type SharedBuckets } from '../chat/rate-limit.ts';
import type { Roster } from '../chat/store.ts';
import { refuse } from '../protocol/codes.ts';
import type { ClientToServer, ServerToClient } from '../protocol/events.ts';
import { DEFAULT_HISTORY, DEFAULT_ROOM, MAX_HISTORY, PROTOCOL_VERSION } from '../protocol/limits.ts';
import type { ChatContext } from './context.ts';
import { dispatch } from './dispatch.ts';
import { createEventQueue } from './event-queue.ts';
import { joinRoom } from './events/join.ts';
import { type Introduction, introduce } from './handshake.ts';
import { createOnline } from './online.ts';
import type { ClientSocket, Session } from './session.ts';

export type ChatNamespace = Namespace<ClientToServer, ServerToClient>;

export interface GatewayDeps {
  readonly context: ChatContext;
  readonly identities: Identities;
  readonly roster: Roster;
  readonly slot: number;
  readonly rateSay: Rate | undefined;
  readonly userBuckets: SharedBuckets;
  readonly now: () => number;
  /** Since when the store is away, if it is. */
  readonly degradedSince: () => number | undefined;
  readonly onConnect: () => void;
  readonly onDisconnect: () => void;
}

/** The edge between Socket.IO and the chat: who a connection is, its events, its end. */
export interface Gateway {
  serve(nsp: ChatNamespace): void;
  /** Says again what the store could not be told while it was away. */
  restate(): void;
}

export function createGateway(deps: GatewayDeps): Gateway {
  const { context, identities, roster, slot, userBuckets, now } = deps;
  const introductions = new WeakMap<ClientSocket, Introduction>();
  const online = createOnline(roster);

  function connect(socket: ClientSocket, { identity, roomid, resume }: Introduction): void {
    const { user, guestToken, named } = identity;
    const userBucket = userBuckets.hold(user.id);
    const session: Session = {
      socket,
      user,
      defaultRoom: roomid ?? DEFAULT_ROOM,
      memberships: new Map(),
      queue: createEventQueue(),
      sayBuckets: [createBucket(deps.rateSay, now), userBucket],
    };
    // Socket.IO emits a client's event named `error` like any other; without a listener Node throws it.
    socket.on('error', () => undefined);
    socket.onAny((event: unknown, ...args: unknown[]) => {
      dispatch(session, context, { event, args }).catch((error: unknown) =>
        context.log.error({ err: error }, 'an event could not be answered'),
      );
    });
    socket.once('disconnect', () => {
      userBucket.release();
      online.go(user.id);
      leaveAll(session);
      deps.onDisconnect();
    });
    deps.onConnect();
    online.come(user.id);
    socket.emit('hello', {
      clientId: socket.id,
      user,
      auth: 'open',
      protocol: PROTOCOL_VERSION,
      worker: slot,
      time: now(),
      ...(guestToken === undefined ? {} : { guestToken }),
      limits: {
        maxTextBytes: context.limits.maxTextBytes,
        maxRooms: context.limits.maxRooms,
        maxHistory: MAX_HISTORY,
        dedupeTtlS: context.limits.dedupeTtlS,
      },
    });
    const since = deps.degradedSince();
    if (since !== undefined) socket.emit('cluster:degraded', { since });
    if (roomid !== undefined && named) void joinAtOnce(session, resume);
  }

  /** `?roomid=` with a name is a join of its own: its answer comes as `joined`. */
  async function joinAtOnce(session: Session, resume: Introduction['resume']): Promise<void> {
    const payload = { history: DEFAULT_HISTORY, ...(resume === undefined ? {} : { resume }) };
    try {
      const outcome = await session.queue.run('inTurn', 0, () =>
        joinRoom(session, payload, context, (joined) => session.socket.emit('joined', joined)),
      );
      if (outcome !== 'answered') session.socket.emit('refused', { event: 'join', error: outcome.error });
    } catch (error) {
      context.log.error({ err: error }, 'the join of a handshake failed');
      const { error: internal } = refuse('internal', 'something went wrong here');
      session.socket.emit('refused', { event: 'join', error: internal });
    }
  }

  function leaveAll({ memberships, user }: Session): void {
    for (const { room, hold } of memberships.values()) {
      hold.release();
      context.presence.leave(room, user.id, 'lost');
    }
    memberships.clear();
  }

  return {
    restate: online.restate,
    serve(nsp) {
      nsp.use((socket, next) => {
        const introduced = introduce(socket.handshake, identities);
        if (!introduced.ok) {
          next(Object.assign(new Error(introduced.error.message), { data: introduced.error }));
          return;
        }
        introductions.set(socket, introduced.value);
        next();
      });
      nsp.on('connection', (socket) => {
        const introduction = introductions.get(socket);
        if (introduction) connect(socket, introduction);
      });
    },
  };
}
