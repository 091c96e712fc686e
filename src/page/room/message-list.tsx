import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Person } from '../../protocol/people.ts';
import { useTexts } from '../language/texts.ts';
import { DownIcon } from '../ui/icons.tsx';
import { Bubble, type BubbleActions } from './bubble.tsx';
import type { ChatState } from './chat-state.ts';
import { DayRow, NoticeRow } from './notice.tsx';
import { rowsOf, saidSince } from './rows.ts';
import { useScrollAnchor } from './scroll-anchor.ts';
import { lastGap, MAX_ENTRIES_WHILE_READING } from './timeline.ts';

export interface MessageListProps extends BubbleActions {
  readonly state: ChatState;
  readonly me: Person;
  readonly onEarlier: () => void;
  readonly onFollowing: (following: boolean) => void;
}

export function MessageList({ state, me, onEarlier, onFollowing, ...actions }: MessageListProps) {
  const { timeline, drafts, more, earlier, following, above } = state;
  const language = useTexts();
  const { room: texts } = language;
  const rows = useMemo(() => rowsOf(timeline, drafts, me), [timeline, drafts, me]);
  const canLoad = more && timeline.length < MAX_ENTRIES_WHILE_READING;
  const { list, onScroll, toEnd } = useScrollAnchor({
    rows,
    onFollowing,
    onTop: () => {
      if (canLoad && !above && earlier === 'idle') onEarlier();
    },
  });

  const seen = useRef<string | undefined>(undefined);
  if (following) seen.current = timeline.at(-1)?.key;
  const unseen = following ? 0 : saidSince(timeline, seen.current, me.userId);

  // A writer wants to see their own message, wherever they had scrolled to.
  const draftCount = useRef(0);
  useLayoutEffect(() => {
    if (drafts.length > draftCount.current) toEnd();
    draftCount.current = drafts.length;
  }, [drafts.length, toEnd]);

  const gapKey = above && timeline[lastGap(timeline)]?.key;
  const loadEarlier = canLoad && (
    <button type="button" class="earlier" disabled={earlier === 'loading'} onClick={onEarlier}>
      {{ idle: texts.loadEarlier, loading: texts.loading, failed: texts.loadFailed }[earlier]}
    </button>
  );

  return (
    <main class="messages">
      <div
        class="list"
        role="log"
        aria-live="polite"
        aria-label={texts.messages}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: scrolled by keyboard, which Safari allows only when focused
        tabIndex={0}
        ref={list}
        onScroll={onScroll}
      >
        {!above && loadEarlier}
        {more && !canLoad && <p class="notice">{texts.noFurther}</p>}
        {rows.length === 0 && state.connection.phase === 'joined' && <p class="empty">{texts.empty}</p>}
        {rows.map((row) => {
          if (row.kind === 'said') return <Bubble key={row.key} row={row} language={language} {...actions} />;
          if (row.kind === 'day') return <DayRow key={row.key} at={row.at} />;
          return (
            <NoticeRow key={row.key} row={row}>
              {row.key === gapKey && loadEarlier}
            </NoticeRow>
          );
        })}
      </div>
      {!following && (
        <button type="button" class={unseen > 0 ? 'to-end unseen' : 'to-end'} onClick={toEnd}>
          <DownIcon />
          {unseen > 0 ? texts.newMessages(unseen) : texts.toNewest}
        </button>
      )}
    </main>
  );
}
