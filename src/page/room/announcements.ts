import type { Timeline } from './timeline.ts';

/** One or several messages for a screen reader. */
export type Announcement = { readonly username: string; readonly text: string } | { readonly count: number };

/**
 * Decides which messages are read out: those of others that come after the ones heard already, never the history, and only
 * their number where several come at once.
 */
export interface Announcer {
  /** `history`: the key of the newest message that the room had when the page entered. */
  heard(timeline: Timeline, history: string | undefined, ownId: string): Announcement | undefined;
}

export function createAnnouncer(): Announcer {
  let start: string | undefined;
  let newest: string | undefined;

  return {
    heard(timeline, history, ownId) {
      if (history !== start) [start, newest] = [history, history];
      const from = newest === undefined ? 0 : timeline.findLastIndex(({ key }) => key === newest) + 1;
      // The history is still arriving, or the list was replaced.
      if (newest !== undefined && from === 0) return undefined;
      const fresh = timeline.slice(from);
      newest = fresh.at(-1)?.key ?? newest;
      const messages = fresh.flatMap((entry) => (entry.kind === 'said' ? [entry.message] : []));
      const others = messages.filter(({ data, deleted }) => !deleted && data.userId !== ownId);
      const [first] = others;
      if (!first) return undefined;
      return others.length === 1
        ? { username: first.data.username, text: first.data.text }
        : { count: others.length };
    },
  };
}
