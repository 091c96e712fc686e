import { useEffect, useRef, useState } from 'preact/hooks';
import type { Language } from '../language/texts.ts';
import { createAnnouncer } from './announcements.ts';
import type { ChatState } from './chat-state.ts';

export interface LiveRegionProps extends Pick<ChatState, 'timeline' | 'history'> {
  readonly ownId: string;
  readonly texts: Language['room'];
}

/** A screen reader is told of new messages so often at most. */
const PAUSE_MS = 1_000;

/** Reads new messages out. The list cannot do it: rows that scroll into sight would be read out too. */
export function LiveRegion({ timeline, history, ownId, texts }: LiveRegionProps) {
  const announcer = useRef(createAnnouncer());
  const newest = useRef({ timeline, history, ownId });
  newest.current = { timeline, history, ownId };
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const [said, setSaid] = useState('');

  useEffect(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      const now = newest.current;
      const heard = announcer.current.heard(now.timeline, now.history, now.ownId);
      if (!heard) return;
      setSaid('count' in heard ? texts.newMessages(heard.count) : `${heard.username}: ${heard.text}`);
    }, PAUSE_MS);
  }, [timeline, texts]);
  useEffect(() => () => clearTimeout(timer.current), []);

  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}
