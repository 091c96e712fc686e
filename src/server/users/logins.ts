import type { Logger } from 'pino';
import { socketRoom } from '../../backend/socket-room.ts';
import type { Feeds } from '../../chat/feeds.ts';
import type { Identity } from '../../chat/identity.ts';
import type { Announcements } from '../../chat/inbox/announcements.ts';
import type { InboxSnapshot, InboxView } from '../../chat/inbox/inbox-view.ts';
import type { Entry, Position, RoomLogs } from '../../chat/log-store.ts';
import type { SharedBuckets } from '../../chat/rate-limit.ts';
import { type AttemptResult, createReconciler } from '../../chat/reconciler.ts';
import type { Room } from '../../chat/room.ts';
import { type ErrorCode, type Refusal, refuse } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import type { AnnouncementFeed } from '../delivery/announcement-feed.ts';
import { type InboxDelivery, isFromBackEnd } from '../delivery/inbox-delivery.ts';
import type { Session, UserBinding } from '../session.ts';
import type { ConnectionCounts } from './connection-counts.ts';
import { createInboxAttach } from './inbox-attach.ts';
import type { MembershipTransfer } from './membership-transfer.ts';
import { createUserBindings } from './user-bindings.ts';

/*
 * Binds each connection to a user, and so to that user's inbox.
 *
 *   connected ──bind──► bound(user) ──rebind──► bound(another user) ──end──► gone
 *                └──store away──► unbound ──it is back──► bound
 *
 * The roster counts a connection for its user before the connection gets the inbox. The page and the live items join in
 * one turn of the event loop, so no item is missing and none comes twice.
 */

export interface LoginsDeps {
  readonly logs: RoomLogs;
  readonly feeds: Pick<Feeds, 'lease' | 'attach'>;
  readonly inboxView: InboxView;
  readonly announcements: Pick<Announcements, 'copyInto'>;
  readonly announcementFeed: Pick<AnnouncementFeed, 'subscribe'>;
  readonly delivery: Pick<InboxDelivery, 'sent'>;
  readonly connectionCounts: ConnectionCounts;
  readonly membershipTransfer: Pick<MembershipTransfer, 'transfer'>;
  readonly userBuckets: SharedBuckets;
  /** The connection changes its user. Resolves once every worker finds it under the new id. */
  readonly onUserChange: (session: Session) => Promise<unknown>;
  /** The connection is about to be admitted. Resolves as `onUserChange` does. */
  readonly onAdmitting: (session: Session) => Promise<unknown>;
  /** The store has something against the session's user or token. */
  readonly onExcluded: (session: Session) => void;
  readonly degraded: () => boolean;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

export interface Logins {
  /**
   * Binds the connection to its user, or resolves to false if the store has excluded the user or the token. It calls `greet` once,
   * before it sends anything of the inbox. If the store is away, it calls `greet` at once and sends the inbox when the store is
   * back. It throws if the store fails otherwise: then nobody has said that the user is not excluded.
   */
  bind(session: Session, from: Position | undefined, greet: () => void): Promise<boolean>;
  /** Binds it to another user, or sends the same user the inbox again. It calls `answer` before it sends the inbox. */
  rebind(session: Session, identity: Identity, answer: () => void): Promise<Refusal | 'answered'>;
  /** Sends the user what the inbox still has, after a gap that cannot be filled. */
  showAgain(inbox: Room): void;
  /** The user's connections on this worker. */
  sessionsOf(inbox: Room): readonly Session[];
  /** All connections on this worker. */
  sessions(): Iterable<Session>;
  end(session: Session): void;
  /** Repeats at once what the store has not accepted. */
  resync(): void;
  close(): void;
}

const RETRY_MS = 1_000;
/** Binds at once: one at a time, thousands that connected while the store was away would wait for minutes. */
const BIND_CONCURRENCY = 100;

/** The refusals of `refuseExcluded`: nothing else that a login asks for is refused so. */
const EXCLUDED: ReadonlySet<ErrorCode> = new Set(['forbidden', 'unauthorized']);

/** A connection whose inbox could not be read yet. */
interface Unbound {
  readonly session: Session;
  /** The device's position in the inbox. */
  readonly from?: Position | undefined;
}

export function createLogins(deps: LoginsDeps): Logins & Sized {
  const { inboxView, announcementFeed, delivery, connectionCounts, membershipTransfer, log } = deps;
  const attach = createInboxAttach(deps);
  const bindings = createUserBindings(connectionCounts, deps.userBuckets);
  const unbound = createReconciler<Unbound>({
    attempt: bindAgain,
    onError: (error) => log.error({ err: error }, 'an inbox could not be sent'),
    keyOf: ({ session }) => session,
    retryMs: RETRY_MS,
    concurrency: BIND_CONCURRENCY,
    isPaused: deps.degraded,
  });

  function show(session: Session, inbox: Room, page: InboxSnapshot, since: readonly Entry[]): void {
    const { access } = session.identity;
    const message = inboxView.toPushMessage(page, since, { userId: inbox.roomid, access });
    session.socket.emit('push_message', message);
    // A marker covers everything below it, so it must not rise when the message left items out.
    if (!message.more && message.unread.some(isFromBackEnd)) delivery.sent(inbox, message.top);
  }

  async function bind(
    session: Session,
    binding: UserBinding,
    from: Position | undefined,
    greet: () => void,
    prepare?: () => Promise<unknown>,
  ): Promise<'bound' | 'excluded' | 'away' | 'failed'> {
    const { identity } = session;
    const { known } = identity;
    function admit(page: InboxSnapshot, since: readonly Entry[], announced: number | undefined): void {
      if (!session.socket.connected || session.binding !== binding) return;
      void session.socket.join(socketRoom(binding.inbox));
      greet();
      if (known) show(session, binding.inbox, page, since);
      announcementFeed.subscribe(session.socket, announced);
    }
    const attached = await attach(binding, identity, from, admit, prepare);
    if (attached.ok) return 'bound';
    const { code } = attached.error;
    if (!EXCLUDED.has(code)) return code === 'unavailable' ? 'away' : 'failed';
    // With another user or another token by now, the store was asked again.
    if (session.identity.access === identity.access) deps.onExcluded(session);
    return 'excluded';
  }

  async function bindAgain({ session, from }: Unbound): Promise<AttemptResult> {
    const { binding } = session;
    if (!binding) return 'done';
    const bound = await bind(session, binding, from, () => undefined);
    const isOver = bound === 'bound' || bound === 'excluded' || session.binding !== binding;
    return isOver ? 'done' : 'failed';
  }

  /** Resolves with a function that announces the change in the rooms. */
  async function transfer(session: Session, identity: Identity): Promise<() => void> {
    const transferred = membershipTransfer.transfer(session, identity);
    const [announce] = await Promise.all([transferred, deps.onUserChange(session)]);
    return announce;
  }

  return {
    sizes: () => ({ bindings: bindings.sizes(), unbound: unbound.sizes() }),
    async bind(session, from, greet) {
      // `end` was called before this turn, so nobody would release the binding.
      if (!session.socket.connected) return true;
      const binding = bindings.bind(session, session.user);
      session.binding = binding;
      if (!deps.degraded()) {
        const reachable = Promise.all([binding.counted, deps.onAdmitting(session)]);
        const bound = await bind(session, binding, from, greet, () => reachable);
        if (bound === 'bound' || bound === 'excluded') return bound === 'bound';
        if (bound === 'failed') throw new Error('the store did not say whether the user is excluded');
        await reachable;
      }
      if (session.binding !== binding) return true;
      greet();
      announcementFeed.subscribe(session.socket);
      unbound.schedule({ session, from });
      return true;
    },

    async rebind(session, identity, answer) {
      if (!session.socket.connected) return refuse('unavailable', 'the connection is gone');
      const { identity: before } = session;
      const same = identity.user.id === before.user.id;
      const current = session.binding;
      if (same && current) {
        const attached = await attach(current, { ...identity, known: true }, undefined, (page, since) => {
          if (!session.socket.connected) return;
          answer();
          session.identity = { ...identity, known: true };
          show(session, current.inbox, page, since);
        });
        return attached.ok ? 'answered' : attached;
      }
      const binding = bindings.bind(session, identity.user);
      let announceChange: (() => void) | undefined;
      // Read-your-writes: once this is acknowledged, every worker counts the connection for the new user only.
      async function prepare(): Promise<void> {
        if (announceChange || !session.socket.connected) return;
        const [announce] = await Promise.all([
          transfer(session, identity),
          binding.counted,
          current?.uncount(),
        ]);
        announceChange = announce;
      }
      function admit(page: InboxSnapshot, since: readonly Entry[]): boolean {
        if (!session.socket.connected) return false;
        if (current) void session.socket.leave(socketRoom(current.inbox));
        current?.release();
        unbound.cancel({ session });
        session.binding = binding;
        void session.socket.join(socketRoom(binding.inbox));
        answer();
        show(session, binding.inbox, page, since);
        announceChange?.();
        return true;
      }
      const attached = await attach(binding, identity, undefined, admit, prepare);
      if (attached.ok && attached.value) return 'answered';
      binding.release();
      if (attached.ok) return 'answered';
      current?.count();
      if (announceChange && session.socket.connected) (await transfer(session, before))();
      return attached;
    },

    showAgain(inbox) {
      for (const session of bindings.sessionsOf(inbox)) {
        const { binding } = session;
        if (binding?.inbox.tag === inbox.tag && !unbound.has({ session })) unbound.schedule({ session });
      }
    },
    sessionsOf: bindings.sessionsOf,
    sessions: bindings.sessions,
    end(session) {
      unbound.cancel({ session });
      session.binding?.release();
      session.binding = undefined;
    },
    resync() {
      connectionCounts.resync();
      unbound.flush();
    },
    close: unbound.close,
  };
}
