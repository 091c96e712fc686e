import { refuseExcluded } from '../../chat/exclusions.ts';
import type { Feeds } from '../../chat/feeds.ts';
import type { Identity } from '../../chat/identity.ts';
import type { Announcements } from '../../chat/inbox/announcements.ts';
import type { InboxSnapshot, InboxView } from '../../chat/inbox/inbox-view.ts';
import { type Entry, NO_EPOCH, type Position, type RoomLogs } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { UserBinding } from '../session.ts';

export interface InboxAttachDeps {
  readonly logs: Pick<RoomLogs, 'read'>;
  readonly feeds: Pick<Feeds, 'lease' | 'attach'>;
  readonly inboxView: Pick<InboxView, 'read'>;
  readonly announcements: Pick<Announcements, 'copyInto'>;
  /** Ms since 1970. */
  readonly now: () => number;
}

type AttachedIdentity = Pick<Identity, 'known' | 'access' | 'guestToken'>;

const NOTHING_READ = { markers: { recv: 0, read: 0 }, older: [] };
/**
 * The inbox of an id that was made just now: the store need not be asked whether it is empty. If somebody has written to it
 * meanwhile, the feed is ahead of this page, and the inbox is read after all.
 */
const INBOX_OF_NEW_GUEST: InboxSnapshot = {
  epoch: NO_EPOCH,
  top: 0,
  previousEpochs: [],
  entries: [],
  more: false,
  first: 1,
  ...NOTHING_READ,
};

/**
 * Leases the inbox's feed and calls `admit` in the turn in which page and live items join. `prepare` runs before that,
 * after each successful read of the inbox.
 */
export function createInboxAttach({ logs, feeds, inboxView, announcements, now }: InboxAttachDeps) {
  async function readPage(
    inbox: Room,
    { known, access, guestToken }: AttachedIdentity,
    from: Position | undefined,
    again: boolean,
  ): Promise<Outcome<InboxSnapshot>> {
    if (known) {
      const opens = guestToken === undefined ? 'lastingly' : 'ifStored';
      const read = await inboxView.read(inbox, from, { jti: access.token?.jti, opens });
      return (read.ok && refuseExcluded(read.value.markers.exclusion, access, now())) || read;
    }
    if (!again) return succeed(INBOX_OF_NEW_GUEST);
    const page = await logs.read(inbox, { limit: 1, maxBytes: 1 });
    return page.ok ? succeed({ ...page.value, ...NOTHING_READ }) : page;
  }

  return async function attach<T>(
    binding: UserBinding,
    identity: AttachedIdentity,
    from: Position | undefined,
    admit: (page: InboxSnapshot, since: readonly Entry[], announced: number | undefined) => T,
    prepare?: () => Promise<unknown>,
  ): Promise<Outcome<T>> {
    const { inbox } = binding;
    if (!binding.hasLease()) {
      const lease = await feeds.lease(inbox);
      if (!lease.ok) return lease;
      binding.setLease(lease.value);
    }
    const copied = identity.known ? await announcements.copyInto(inbox) : succeed(undefined);
    if (!copied.ok) return copied;
    if (!binding.hasLease()) return refuse('unavailable', 'the connection is gone');
    let again = false;
    return feeds.attach(
      inbox,
      async () => {
        const page = await readPage(inbox, identity, from, again);
        again = true;
        if (page.ok) await prepare?.();
        return page;
      },
      (page, since) => admit(page, since, copied.value),
    );
  };
}
