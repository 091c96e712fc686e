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
import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { AnnouncementFeed } from '../delivery/announcement-feed.ts';
import { type InboxDelivery, isFromBackEnd } from '../delivery/inbox-delivery.ts';
import type { Session, UserBinding } from '../session.ts';
import type { ConnectionCounts } from './connection-counts.ts';
import type { MembershipTransfer } from './membership-transfer.ts';
import { createUserBindings } from './user-bindings.ts';

/*
 * Which user a connection belongs to, and with it which inbox it hears.
 *
 *   connected ──begin──► bound(user) ──rebind──► bound(another user) ──end──► gone
 *                 └──store away──► unbound ──it is back──► bound
 *
 * A connection is counted for its user before it is shown the inbox, and shown the inbox in the turn in which it
 * starts to hear it live: nothing lies between, and nothing comes twice.
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
  /** The connection goes by another id from now on. Answers once whoever looks for that one finds it. */
  readonly onMoved: (session: Session) => Promise<unknown>;
  /** It is about to be let in. Answers as `onMoved` does. */
  readonly onComing: (session: Session) => Promise<unknown>;
  readonly degraded: () => boolean;
  readonly log: Logger;
}

export interface Logins {
  /**
   * Binds the connection to its user. `greet` is called once, before anything of the inbox is sent; when the store
   * is away at once, and the inbox follows when it is back.
   */
  bind(session: Session, from: Position | undefined, greet: () => void): Promise<void>;
  /** Binds it to another user, or shows the same one the inbox again. `answer` is called before it is shown. */
  rebind(session: Session, identity: Identity, answer: () => void): Promise<Refusal | 'answered'>;
  /** After a gap that cannot be filled, the user is shown what there is. */
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
/** One after the other, thousands who connected while the store was away would wait for minutes. */
const BIND_CONCURRENCY = 100;
const NOTHING_READ = { markers: { recv: 0, read: 0 }, older: [] };

/** A connection whose inbox could not be read yet. */
interface Unbound {
  readonly session: Session;
  /** Where its device stands in the inbox. */
  readonly from?: Position | undefined;
}

export function createLogins(deps: LoginsDeps): Logins {
  const {
    logs,
    feeds,
    inboxView,
    announcements,
    announcementFeed,
    delivery,
    connectionCounts,
    membershipTransfer,
    log,
  } = deps;
  const bindings = createUserBindings(connectionCounts, deps.userBuckets);
  const unbound = createReconciler<Unbound>({
    attempt: bindAgain,
    onError: (error) => log.error({ err: error }, 'an inbox could not be shown'),
    keyOf: ({ session }) => session,
    retryMs: RETRY_MS,
    concurrency: BIND_CONCURRENCY,
    isPaused: deps.degraded,
  });

  async function readPage(
    inbox: Room,
    known: boolean,
    from: Position | undefined,
  ): Promise<Outcome<InboxSnapshot>> {
    if (known) return inboxView.read(inbox, from);
    const page = await logs.read(inbox, { limit: 1, maxBytes: 1 });
    return page.ok ? succeed({ ...page.value, ...NOTHING_READ }) : page;
  }

  /**
   * Follows the inbox and calls `admit` in the turn in which its page and its live items meet. `prepare` comes before that,
   * each time the inbox could be read.
   */
  async function meet<T>(
    binding: UserBinding,
    known: boolean,
    from: Position | undefined,
    admit: (page: InboxSnapshot, since: readonly Entry[], announced: number | undefined) => T,
    prepare?: () => Promise<void>,
  ): Promise<Outcome<T>> {
    const { inbox } = binding;
    if (!binding.hasLease()) {
      const held = await feeds.lease(inbox);
      if (!held.ok) return held;
      binding.setLease(held.value);
    }
    const folded = known ? await announcements.copyInto(inbox) : succeed(undefined);
    if (!folded.ok) return folded;
    if (!binding.hasLease()) return refuse('unavailable', 'the connection is gone');
    return feeds.attach(
      inbox,
      async () => {
        const page = await readPage(inbox, known, from);
        if (page.ok) await prepare?.();
        return page;
      },
      (page, since) => admit(page, since, folded.value),
    );
  }

  function show({ socket }: Session, inbox: Room, page: InboxSnapshot, since: readonly Entry[]): void {
    const message = inboxView.toPushMessage(page, since, inbox.roomid);
    socket.emit('push_message', message);
    // What there was no room for was not sent; one mark cannot leave a part out.
    if (!message.more && message.unread.some(isFromBackEnd)) delivery.sent(inbox, message.top);
  }

  async function bind(
    session: Session,
    binding: UserBinding,
    from: Position | undefined,
    greet: () => void,
  ): Promise<boolean> {
    const { known } = session.identity;
    const met = await meet(binding, known, from, (page, since, announced) => {
      if (!session.socket.connected || session.binding !== binding) return;
      void session.socket.join(socketRoom(binding.inbox));
      greet();
      if (known) show(session, binding.inbox, page, since);
      announcementFeed.subscribe(session.socket, announced);
    });
    return met.ok;
  }

  async function bindAgain({ session, from }: Unbound): Promise<AttemptResult> {
    const { binding } = session;
    if (!binding) return 'done';
    const bound = await bind(session, binding, from, () => undefined);
    return bound || session.binding !== binding ? 'done' : 'failed';
  }

  /** Answers with what tells its rooms of it. */
  async function goOver(session: Session, identity: Identity): Promise<() => void> {
    const moved = membershipTransfer.transfer(session, identity);
    const [tellRooms] = await Promise.all([moved, deps.onMoved(session)]);
    return tellRooms;
  }

  return {
    async bind(session, from, greet) {
      // Gone before its turn came: `end` was called, and nothing would be given back.
      if (!session.socket.connected) return;
      const binding = bindings.bind(session, session.user);
      session.binding = binding;
      if (!deps.degraded()) {
        await Promise.all([binding.counted, deps.onComing(session)]);
        if (await bind(session, binding, from, greet)) return;
      }
      if (session.binding !== binding) return;
      greet();
      announcementFeed.subscribe(session.socket);
      unbound.schedule({ session, from });
    },

    async rebind(session, identity, answer) {
      if (!session.socket.connected) return refuse('unavailable', 'the connection is gone');
      const { identity: before } = session;
      const same = identity.user.id === before.user.id;
      const current = session.binding;
      if (same && current) {
        const met = await meet(current, true, undefined, (page, since) => {
          if (!session.socket.connected) return;
          answer();
          session.identity = { ...identity, known: true };
          show(session, current.inbox, page, since);
        });
        return met.ok ? 'answered' : met;
      }
      const binding = bindings.bind(session, identity.user);
      let tellMoved: (() => void) | undefined;
      // Whoever asks any worker after the answer finds the connection with the new user and not with the old one.
      async function prepare(): Promise<void> {
        if (tellMoved || !session.socket.connected) return;
        const [tell] = await Promise.all([goOver(session, identity), binding.counted, current?.uncount()]);
        tellMoved = tell;
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
        tellMoved?.();
        return true;
      }
      const met = await meet(binding, identity.known, undefined, admit, prepare);
      if (met.ok && met.value) return 'answered';
      binding.release();
      if (met.ok) return 'answered';
      current?.count();
      if (tellMoved && session.socket.connected) (await goOver(session, before))();
      return met;
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
