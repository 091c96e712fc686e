import { socketRoom } from '../../backend/socket-room.ts';
import type { Feeds } from '../../chat/feeds.ts';
import { announcementOf } from '../../chat/inbox/announcements.ts';
import type { Entry, RoomLogs } from '../../chat/log-store.ts';
import { announcementsOf } from '../../chat/room.ts';
import { MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';

export interface AnnouncementFeedDeps {
  /** Called when something is to be followed: the feeds hand on what comes to `deliver`. */
  readonly feeds: () => Pick<Feeds, 'lease' | 'attach'>;
  readonly logs: RoomLogs;
  readonly of: (nsp: string) => ChatNamespace;
  readonly namespaces: readonly string[];
}

/** This worker follows the announcements of every namespace as long as it lives. */
export interface AnnouncementFeed {
  /** Begins, and follows those that could not be followed while the store was away. */
  follow(): void;
  /**
   * The connection hears what comes from now on, but not again what its user was just shown: announcements up to
   * `shown`. Those after these that were told before it could hear them it hears now.
   */
  subscribe(socket: ClientSocket, shown?: number): void;
  deliver(nsp: string, entry: Entry): void;
}

export function createAnnouncementFeed({
  feeds,
  logs,
  of,
  namespaces,
}: AnnouncementFeedDeps): AnnouncementFeed {
  const missing = new Set(namespaces);
  /** The newest announcement told here, by namespace. */
  const told = new Map<string, number>();
  /** Connections that were shown announcements which are still on their way here. */
  const ahead = new Map<string, number>();

  async function follow(nsp: string): Promise<void> {
    missing.delete(nsp);
    const news = announcementsOf(nsp);
    const held = await feeds().lease(news);
    const read = () => logs.read(news, { limit: 1, maxBytes: 1 });
    const met = held.ok ? await feeds().attach(news, read, ({ top }) => void told.set(nsp, top)) : held;
    if (met.ok) return;
    if (held.ok) held.value.release();
    missing.add(nsp);
  }

  /** If it cannot be read they are shown with the next login, as everything that was heard live. */
  async function makeUp(socket: ClientSocket, from: number, upTo: number): Promise<void> {
    const query = { after: from, limit: upTo - from, maxBytes: MAX_PAGE_BYTES };
    const page = await logs.read(announcementsOf(socket.nsp.name), query);
    if (!page.ok) return;
    for (const entry of page.value.entries) {
      if (entry.seq <= upTo) socket.emit('announcement', announcementOf(entry));
    }
  }

  return {
    follow() {
      for (const nsp of [...missing]) void follow(nsp);
    },
    subscribe(socket, shown) {
      const { name } = socket.nsp;
      void socket.join(socketRoom(announcementsOf(name)));
      const last = told.get(name);
      if (shown === undefined || last === undefined) return;
      if (shown < last) void makeUp(socket, shown, last);
      if (shown <= last) return;
      ahead.set(socket.id, shown);
      socket.once('disconnect', () => ahead.delete(socket.id));
    },
    deliver(nsp, entry) {
      told.set(nsp, entry.seq);
      const knowing = [...ahead].filter(([, shown]) => shown >= entry.seq).map(([id]) => id);
      for (const [id, shown] of ahead) if (shown <= entry.seq) ahead.delete(id);
      const hearers = of(nsp).local.to(socketRoom(announcementsOf(nsp)));
      (knowing.length > 0 ? hearers.except(knowing) : hearers).emit('announcement', announcementOf(entry));
    },
  };
}
