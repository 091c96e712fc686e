import { Component } from 'preact';
import type { Person } from '../../protocol/people.ts';
import type { Language } from '../language/texts.ts';
import type { ChatState } from './chat-state.ts';
import { LoadEarlier, type LoadEarlierProps } from './list-head.tsx';
import type { MessageAction } from './message-actions.ts';
import { MessageRow, type MessageRowActions } from './message-row.tsx';
import { NoticeText } from './notice.tsx';
import { isOwnReaction } from './own-reactions.ts';
import { type Quote, quoteOf, sameQuote } from './quotes.ts';
import { RowToolbar } from './row-toolbar.tsx';
import { type Row, type SaidRow, sameRow } from './rows.ts';

/** The part of the room's state that a row shows. */
export interface RowContent {
  readonly quote: Quote | undefined;
  readonly reacted: readonly string[];
  readonly mayReact: boolean;
  readonly isConfusable: boolean;
}

const NO_REACTIONS: readonly string[] = [];

export function rowContent(row: Row, state: ChatState, me: Person): RowContent {
  const mayReact = state.can?.includes('react') ?? true;
  if (row.kind !== 'said') return { quote: undefined, reacted: NO_REACTIONS, mayReact, isConfusable: false };
  const { message } = row;
  const reacted = message?.reactions
    ?.filter((one) => isOwnReaction(state.ownReactions, message.seq, one, me.userId))
    .map(({ reaction }) => reaction);
  return {
    quote: quoteOf(row, state.timeline),
    reacted: reacted ?? NO_REACTIONS,
    mayReact,
    isConfusable: state.confusable.has(row.author.userId),
  };
}

export interface RowFrameProps extends RowContent {
  readonly row: Row;
  readonly index: number;
  readonly gapPx: number;
  readonly isTabStop: boolean;
  /** The line "new since you left" stands above the row. */
  readonly isNewLine: boolean;
  readonly isMarked: boolean;
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

/**
 * A row with what stands above it; one stop of the arrow keys. A class, for `shouldComponentUpdate`: every change of the list
 * draws it, and most rows look as before.
 */
export class RowFrame extends Component<RowFrameProps> {
  override shouldComponentUpdate(next: RowFrameProps): boolean {
    return !looksAlike(this.props, next);
  }

  override render(props: RowFrameProps) {
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
          <div class={saidClassOf(row)}>
            <MessageRow
              row={row}
              quote={props.quote}
              reacted={props.reacted}
              mayReact={props.mayReact}
              isConfusable={props.isConfusable}
              ownId={props.me.userId}
              language={language}
              nameOf={props.nameOf}
              actions={props.actions}
            />
          </div>
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
}

function looksAlike(one: RowFrameProps, other: RowFrameProps): boolean {
  // These take calls, which must reach what the list is now.
  if (one.toolbar || other.toolbar || one.loadMissing || other.loadMissing) return false;
  return (
    sameRow(one.row, other.row) &&
    one.index === other.index &&
    one.gapPx === other.gapPx &&
    one.isTabStop === other.isTabStop &&
    one.isNewLine === other.isNewLine &&
    one.isMarked === other.isMarked &&
    one.mayReact === other.mayReact &&
    one.isConfusable === other.isConfusable &&
    one.me === other.me &&
    one.language === other.language &&
    one.actions === other.actions &&
    sameQuote(one.quote, other.quote) &&
    one.reacted.join() === other.reacted.join()
  );
}

function saidClassOf({ own, opens, draft }: SaidRow): string {
  return `said ${own ? 'own' : 'theirs'} ${opens ? 'opens' : ''} ${draft?.status ?? ''}`;
}

function classOf({ row, isMarked }: RowFrameProps): string {
  const mentioned = row.kind === 'said' && row.mentioned ? ' mentioned' : '';
  return `row${mentioned}${isMarked ? ' marked' : ''}`;
}
