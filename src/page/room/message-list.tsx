import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Person } from '../../protocol/people.ts';
import { useTexts } from '../language/texts.ts';
import { DownIcon } from '../ui/icons.tsx';
import type { ChatState } from './chat-state.ts';
import { HEAD_PX, ListHead, TAIL_PX } from './list-head.tsx';
import { LiveRegion } from './live-region.tsx';
import { actionsOf } from './message-actions.ts';
import type { MessageRowActions } from './message-row.tsx';
import { nameOf } from './people-here.ts';
import { unseenLine } from './reading.ts';
import type { RoomActions } from './room-actions.ts';
import { RowControls } from './row-controls.tsx';
import { useRowFocus } from './row-focus.ts';
import { RowFrame, rowContent } from './row-frame.tsx';
import { createRowMaker, saidSince } from './rows.ts';
import { useScrollAnchor } from './scroll-anchor.ts';
import { StickyDate } from './sticky-date.tsx';
import { lastGap, MAX_ENTRIES_WHILE_READING } from './timeline.ts';
import { useGoTo } from './use-go-to.ts';
import { useRowControls } from './use-row-controls.ts';
import { useVirtualRows } from './virtual-rows.ts';

export interface MessageListProps {
  readonly state: ChatState;
  readonly me: Person;
  readonly actions: RoomActions;
}

export function MessageList({ state, me, actions }: MessageListProps) {
  const { timeline, drafts, more, earlier, following, above, can } = state;
  const language = useTexts();
  const { room: texts } = language;
  const makeRows = useState(createRowMaker)[0];
  const rows = useMemo(
    () => makeRows({ timeline, drafts, me, more }),
    [makeRows, timeline, drafts, me, more],
  );
  const box = useRef<HTMLDivElement>(null);
  const knownTop = useRef(0);
  const canLoad = more && timeline.length < MAX_ENTRIES_WHILE_READING;
  const focus = useRowFocus({ box, rows });
  const list = useVirtualRows({
    rows,
    box,
    knownTop,
    kept: focus.kept,
    following,
    headPx: HEAD_PX,
    tailPx: TAIL_PX,
  });
  const { onScroll, toEnd, letGo } = useScrollAnchor({
    box,
    knownTop,
    onFollowing: actions.following,
    onTop: () => {
      if (canLoad && !above && earlier === 'idle') actions.loadEarlier();
    },
  });
  const goTo = useGoTo({ rows, actions, list, focus, letGo });
  const controls = useRowControls({ box, rows, state, actions, list, focus, onGoTo: goTo.to });

  const seen = useRef<string | undefined>(undefined);
  if (following) seen.current = timeline.at(-1)?.key;
  const unseen = following ? 0 : saidSince(timeline, seen.current, me.userId);

  // A writer wants to see their own message, wherever they had scrolled to.
  const draftCount = useRef(0);
  useLayoutEffect(() => {
    if (drafts.length > draftCount.current) toEnd();
    draftCount.current = drafts.length;
  }, [drafts.length, toEnd]);

  const rowActions = useMemo<MessageRowActions>(
    () => ({
      onRetry: actions.retry,
      onDiscard: actions.discard,
      onTakeBack: actions.takeBack,
      onReact: actions.react,
      onGoTo: goTo.to,
    }),
    [actions, goTo.to],
  );
  const newLine = unseenLine(state);
  const gapKey = above && timeline[lastGap(timeline)]?.key;
  const head = { canLoad, earlier, more, onEarlier: actions.loadEarlier };
  const newest = list.drawn.findLast(({ row }) => row.kind === 'said') ?? list.drawn.at(-1);
  const tabStop = focus.index ?? newest?.index;

  return (
    <main class="messages">
      <div
        class="list"
        role="log"
        // New messages are read out by a region of their own.
        aria-live="off"
        aria-label={texts.messages}
        tabIndex={rows.length === 0 ? 0 : -1}
        ref={box}
        onScroll={onScroll}
        onFocusIn={focus.onFocusIn}
        onFocusOut={focus.onFocusOut}
        {...controls.handlers}
      >
        <StickyDate row={list.top === undefined ? undefined : rows[list.top]} />
        <ListHead {...head} canLoad={!above && canLoad} />
        {rows.length === 0 && state.connection.phase === 'joined' && <p class="empty">{texts.empty}</p>}
        {list.drawn.map(({ row, index, gapPx }) => (
          <RowFrame
            key={row.key}
            row={row}
            index={index}
            gapPx={gapPx}
            isTabStop={index === tabStop}
            isNewLine={row.key === newLine}
            isMarked={row.key === goTo.reached}
            {...rowContent(row, state, me)}
            me={me}
            language={language}
            nameOf={(userId) => nameOf(state, userId, me)}
            actions={rowActions}
            toolbar={row.key === controls.hovered ? actionsOf(row, can) : undefined}
            onAct={controls.act}
            onMenu={controls.openMenu}
            loadMissing={row.key === gapKey && canLoad ? head : undefined}
          />
        ))}
        <div style={{ height: `${list.restPx + TAIL_PX}px` }} />
      </div>
      {!following && (
        <button type="button" class={unseen > 0 ? 'to-end unseen' : 'to-end'} onClick={toEnd}>
          <DownIcon />
          {unseen > 0 ? texts.newMessages(unseen) : texts.toNewest}
        </button>
      )}
      <RowControls controls={controls} rows={rows} can={can} texts={texts} />
      <LiveRegion timeline={timeline} history={state.history} ownId={me.userId} texts={texts} />
    </main>
  );
}
