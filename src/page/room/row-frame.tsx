import type { Person } from '../../protocol/people.ts';
import type { Language } from '../language/texts.ts';
import type { ChatState } from './chat-state.ts';
import { LoadEarlier, type LoadEarlierProps } from './list-head.tsx';
import type { MessageAction } from './message-actions.ts';
import { MessageRow, type MessageRowActions } from './message-row.tsx';
import { NoticeText } from './notice.tsx';
import { isOwnReaction } from './own-reactions.ts';
import { quoteOf } from './quotes.ts';
import { RowToolbar } from './row-toolbar.tsx';
import type { Row, SaidRow } from './rows.ts';

export interface RowFrameProps {
  readonly row: Row;
  readonly index: number;
  readonly gapPx: number;
  readonly isTabStop: boolean;
  /** The line "new since you left" stands above the row. */
  readonly isNewLine: boolean;
  readonly isMarked: boolean;
  readonly state: ChatState;
  readonly me: Person;
  readonly language: Language;
  readonly nameOf: (userId: string) => string | undefined;
  readonly actions: MessageRowActions;
  /** The actions that a mouse over the row finds. */
  readonly toolbar: readonly MessageAction[] | undefined;
  readonly onAct: (action: MessageAction, index: number) => void;
  readonly onMenu: (index: number) => void;
  /** The way to load what is missing at this row. */
  readonly loadMissing: LoadEarlierProps | undefined;
}

/** A row with what stands above it; one stop of the arrow keys. */
export function RowFrame(props: RowFrameProps) {
  const { row, index, gapPx, isTabStop, isNewLine, language, toolbar, loadMissing } = props;
  const { format, room: texts } = language;
  return (
    <article
      class={classOf(props)}
      data-index={index}
      data-key={row.key}
      tabIndex={isTabStop ? 0 : -1}
      style={{ marginTop: gapPx > 0 ? `${gapPx}px` : '' }}
    >
      {row.day !== undefined && <p class="day">{format.day(row.day)}</p>}
      {isNewLine && <p class="new-line">{texts.newSince}</p>}
      {row.kind === 'said' ? (
        <Said {...props} row={row} />
      ) : (
        <p class={`notice ${row.kind === 'notice' ? row.entry.notice : 'tombstone'}`} data-anchor>
          <NoticeText row={row} />
        </p>
      )}
      {loadMissing && <LoadEarlier {...loadMissing} />}
      {toolbar && toolbar.length > 0 && (
        <RowToolbar
          actions={toolbar}
          texts={texts}
          onAct={(action) => props.onAct(action, index)}
          onMenu={() => props.onMenu(index)}
        />
      )}
    </article>
  );
}

function Said({ row, state, me, language, nameOf, actions }: RowFrameProps & { readonly row: SaidRow }) {
  const { message } = row;
  const reactions = message?.reactions ?? [];
  const reacted = reactions.filter((one) =>
    isOwnReaction(state.ownReactions, message?.seq ?? 0, one, me.userId),
  );
  return (
    <div class={`said ${row.own ? 'own' : 'theirs'} ${row.opens ? 'opens' : ''} ${row.draft?.status ?? ''}`}>
      <MessageRow
        row={row}
        quote={quoteOf(row, state.timeline)}
        reacted={reacted.map(({ reaction }) => reaction)}
        mayReact={state.can?.includes('react') ?? true}
        isConfusable={state.confusable.has(row.author.userId)}
        ownId={me.userId}
        language={language}
        nameOf={nameOf}
        actions={actions}
      />
    </div>
  );
}

function classOf({ row, isMarked }: RowFrameProps): string {
  const mentioned = row.kind === 'said' && row.mentioned ? ' mentioned' : '';
  return `row${mentioned}${isMarked ? ' marked' : ''}`;
}
