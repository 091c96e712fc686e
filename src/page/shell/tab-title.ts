import { useEffect, useRef } from 'preact/hooks';
import type { ChatState } from '../room/chat-state.ts';
import { saidSince } from '../room/rows.ts';

/** Shows the room in the tab's title, with the number of messages that arrived while the tab was hidden. */
export function useTabTitle(roomid: string, { timeline, history, me }: ChatState): void {
  const ownId = me?.id;
  const seen = useRef<string | undefined>(undefined);

  useEffect(() => {
    if (!document.hidden) seen.current = timeline.at(-1)?.key;
    // A tab opened in the background has shown nothing, but its history is no news.
    else seen.current ??= history;
    const unseen = saidSince(timeline, seen.current, ownId);
    document.title = `${unseen > 0 ? `(${unseen}) ` : ''}${roomid} · Roomcast`;
    function onShown(): void {
      if (document.hidden) return;
      seen.current = timeline.at(-1)?.key;
      document.title = `${roomid} · Roomcast`;
    }
    document.addEventListener('visibilitychange', onShown);
    return () => document.removeEventListener('visibilitychange', onShown);
  }, [roomid, timeline, history, ownId]);
}
