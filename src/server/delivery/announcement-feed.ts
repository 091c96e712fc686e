import { socketRoom } from '../../backend/socket-room.ts';
import type { Feeds } from '../../chat/feeds.ts';
import { announcementOf } from '../../chat/inbox/announcements.ts';
import type { Entry, RoomLogs } from '../../chat/log-store.ts';
import { announcementsOf } from '../../chat/room.ts';
import { MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import type { ChatNamespace, ClientSocket } from '../socket-types.ts';

export interface AnnouncementFeedDeps {
  /** A function, because the feeds are created later: they pass new announcements to `deliver`. */
  readonly feeds: () => Pick<Feeds, 'lease' | 'attach'>;
  readonly logs: RoomLogs;
  readonly of: (nsp: string) => ChatNamespace;
  readonly namespaces: readonly string[];
}

/** Subscribes this worker to the announcements of every namespace for as long as it runs. */
export interface AnnouncementFeed {
  /** Subscribes to every namespace that has no subscription yet; repeats what failed while the store was away. */
  follow(): void;
  /**
   * Sends the connection announcements from now on, each once: `shown` is the last one that the user's inbox has just
   * shown. If this worker delivered later ones before the call, the connection gets those now.
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
  const unsubscribed = new Set(namespaces);
  /** The newest announcement delivered here, by namespace. */
  const delivered = new Map<string, number>();
  /** Connections that were shown announcements which have not arrived here yet, with the last one shown. */
  const ahead = new Map<string, number>();

  async function follow(nsp: string): Promise<void> {
    unsubscribed.delete(nsp);
    const room = announcementsOf(nsp);
    const lease = await feeds().lease(room);
    const read = () => logs.read(room, { limit: 1, maxBytes: 1 });
    const attached = lease.ok
      ? await feeds().attach(room, read, ({ top }) => void delivered.set(nsp, top))
      : lease;
    if (attached.ok) return;
    if (lease.ok) lease.value.release();
    unsubscribed.add(nsp);
  }

  /** If the log cannot be read, the next login shows these announcements, like all others. */
  async function sendMissed(socket: ClientSocket, from: number, upTo: number): Promise<void> {
    const query = { after: from, limit: upTo - from, maxBytes: MAX_PAGE_BYTES };
    const page = await logs.read(announcementsOf(socket.nsp.name), query);
    if (!page.ok) return;
    for (const entry of page.value.entries) {
      if (entry.seq <= upTo) socket.emit('announcement', announcementOf(entry));
    }
  }

  return {
    follow() {
      for (const nsp of [...unsubscribed]) void follow(nsp);
    },
    subscribe(socket, shown) {
      const { name } = socket.nsp;
      void socket.join(socketRoom(announcementsOf(name)));
      const last = delivered.get(name);
      if (shown === undefined || last === undefined) return;
      if (shown < last) void sendMissed(socket, shown, last);
      if (shown <= last) return;
      ahead.set(socket.id, shown);
      socket.once('disconnect', () => ahead.delete(socket.id));
    },
    deliver(nsp, entry) {
      delivered.set(nsp, entry.seq);
      const informed = [...ahead].filter(([, shown]) => shown >= entry.seq).map(([id]) => id);
      for (const [id, shown] of ahead) if (shown <= entry.seq) ahead.delete(id);
      const subscribers = of(nsp).local.to(socketRoom(announcementsOf(nsp)));
      (informed.length > 0 ? subscribers.except(informed) : subscribers).emit(
        'announcement',
        announcementOf(entry),
      );
    },
  };
}
