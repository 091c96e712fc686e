import type { FeedLease } from '../../chat/feeds.ts';
import type { SharedBuckets } from '../../chat/rate-limit.ts';
import { inboxOf, type Room } from '../../chat/room.ts';
import type { User } from '../../protocol/people.ts';
import type { Sized } from '../../sizes.ts';
import type { Session, UserBinding } from '../session.ts';
import type { ConnectionCounts } from './connection-counts.ts';

/** The connections of this worker by user. */
export interface UserBindings {
  /** Binds the connection to the user and counts it. */
  bind(session: Session, user: User): UserBinding;
  sessionsOf(inbox: Room): readonly Session[];
  sessions(): Iterable<Session>;
}

/** Most users have one connection, for which a Set would cost more than the rest of a binding. */
type Owned = Session | Set<Session>;

interface BindingDeps {
  readonly connections: ConnectionCounts;
  readonly userBuckets: SharedBuckets;
  readonly owners: Map<string, Owned>;
}

export function createUserBindings(
  connections: ConnectionCounts,
  userBuckets: SharedBuckets,
): UserBindings & Sized {
  const owners = new Map<string, Owned>();
  const deps: BindingDeps = { connections, userBuckets, owners };
  return {
    sizes: () => ({ owners: owners.size, buckets: userBuckets.size }),
    bind: (session, user) => new ConnectionBinding(deps, session, user),
    sessionsOf: (inbox) => listed(owners.get(inbox.tag)),
    *sessions() {
      for (const owned of owners.values()) yield* listed(owned);
    },
  };
}

class ConnectionBinding implements UserBinding {
  readonly inbox: Room;
  counted: Promise<void> | undefined;
  private readonly deps: BindingDeps;
  private readonly session: Session;
  private lease: FeedLease | undefined = undefined;
  private released = false;
  private counts = true;

  constructor(deps: BindingDeps, session: Session, user: User) {
    this.deps = deps;
    this.session = session;
    this.inbox = inboxOf(session.socket.nsp.name, user.id);
    const { owners, connections } = deps;
    const { tag } = this.inbox;
    const others = owners.get(tag);
    if (others instanceof Set) others.add(session);
    else owners.set(tag, others ? new Set([others, session]) : session);
    this.counted = connections.increment(this.inbox).then(() => {
      this.counted = undefined;
    });
  }

  take(): number {
    return this.deps.userBuckets.take(this.inbox.roomid);
  }

  takeMore(amount: number): number {
    return this.deps.userBuckets.takeMore(this.inbox.roomid, amount);
  }

  hasLease(): boolean {
    return this.lease !== undefined && !this.released;
  }

  setLease(lease: FeedLease): void {
    // A connection that ends during the call must not leave a lease behind.
    if (this.released) lease.release();
    else this.lease = lease;
  }

  async uncount(): Promise<void> {
    if (!this.counts) return;
    this.counts = false;
    await this.deps.connections.decrement(this.inbox);
  }

  count(): void {
    if (this.counts || this.released) return;
    this.counts = true;
    void this.deps.connections.increment(this.inbox);
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    const { owners } = this.deps;
    const { inbox, session } = this;
    void this.uncount();
    this.lease?.release();
    const owned = owners.get(inbox.tag);
    if (owned instanceof Set) owned.delete(session);
    if (owned === session || (owned instanceof Set && owned.size === 0)) owners.delete(inbox.tag);
  }
}

function listed(owned: Owned | undefined): readonly Session[] {
  if (owned === undefined) return [];
  return owned instanceof Set ? [...owned] : [owned];
}
