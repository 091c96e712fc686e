import type { Feeds } from '../chat/feeds.ts';
import { newsOf } from '../chat/room.ts';
import type { RoomLogs } from '../chat/store.ts';

export interface NewsFeedDeps {
  readonly feeds: Pick<Feeds, 'hold' | 'meet'>;
  readonly logs: RoomLogs;
  readonly namespaces: readonly string[];
}

/** This worker follows the announcements of every namespace as long as it lives. */
export interface NewsFeed {
  /** Follows those that could not be followed while the store was away. */
  restate(): void;
}

export function followNews({ feeds, logs, namespaces }: NewsFeedDeps): NewsFeed {
  const missing = new Set(namespaces);

  async function follow(nsp: string): Promise<void> {
    missing.delete(nsp);
    const news = newsOf(nsp);
    const held = await feeds.hold(news);
    const met = held.ok
      ? await feeds.meet(
          news,
          () => logs.read(news, { limit: 1, maxBytes: 1 }),
          () => undefined,
        )
      : held;
    if (met.ok) return;
    if (held.ok) held.value.release();
    missing.add(nsp);
  }

  function restate(): void {
    for (const nsp of [...missing]) void follow(nsp);
  }

  restate();
  return { restate };
}
