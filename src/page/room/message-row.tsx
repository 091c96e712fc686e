import { Component } from 'preact';
import type { ChatMessage } from '../../protocol/rooms.ts';
import type { Language } from '../language/texts.ts';
import type { Mentioned } from '../text/message-nodes.ts';
import { MessageText } from '../text/message-text.tsx';
import { Avatar } from '../ui/avatar.tsx';
import { LookAlikeMark } from '../ui/look-alike-mark.tsx';
import { type DraftActions, DraftState } from './draft-state.tsx';
import { QuotedLine } from './quoted-line.tsx';
import { type Quote, sameQuote } from './quotes.ts';
import { Reactions } from './reactions.tsx';
import { type SaidRow, sameRow } from './rows.ts';

export interface MessageRowActions extends DraftActions {
  readonly onReact: (seq: number, reaction: string) => void;
  /** Goes to the message with this number. */
  readonly onGoTo: (seq: number) => void;
}

export interface MessageRowProps {
  readonly row: SaidRow;
  /** The message that this one answers. */
  readonly quote: Quote | undefined;
  /** The reactions to it that are the reader's own. */
  readonly reacted: readonly string[];
  readonly mayReact: boolean;
  /** The author's name looks like that of somebody else here. */
  readonly isConfusable: boolean;
  readonly ownId: string;
  readonly language: Language;
  readonly nameOf: (userId: string) => string | undefined;
  readonly actions: MessageRowActions;
}

/**
 * A class, for `shouldComponentUpdate`: every change of the list draws it, and Preact need not compare unchanged messages in
 * depth.
 */
export class MessageRow extends Component<MessageRowProps> {
  override shouldComponentUpdate(next: MessageRowProps): boolean {
    const { row, quote, reacted, mayReact, isConfusable, language, actions } = this.props;
    return (
      language !== next.language ||
      actions !== next.actions ||
      mayReact !== next.mayReact ||
      isConfusable !== next.isConfusable ||
      !sameRow(row, next.row) ||
      !sameQuote(quote, next.quote) ||
      reacted.join() !== next.reacted.join()
    );
  }

  override render(props: MessageRowProps) {
    const { row, quote, reacted, mayReact, isConfusable, ownId, language, nameOf, actions } = props;
    const { author, at, opens, draft, message } = row;
    const { room: texts } = language;
    return (
      <>
        {opens && <Avatar userId={author.userId} username={author.username} avatar={author.avatar} />}
        <p class={opens ? 'said-by' : 'said-by visually-hidden'}>
          <bdi class="name">{author.username}</bdi>
          {message?.from === 'service' && <span class="name-mark">{texts.service}</span>}
          {isConfusable && <LookAlikeMark userId={author.userId} />}
          {opens && at !== undefined && <Time at={at} language={language} />}
        </p>
        {!opens && at !== undefined && <Time at={at} language={language} />}
        {quote && <QuotedLine quote={quote} onGoTo={actions.onGoTo} texts={texts} />}
        <div class="bubble" dir="auto" data-anchor>
          <MessageText text={row.text} mentioned={mentionedIn(message, nameOf)} ownId={ownId} />
        </div>
        {message?.edited && <span class="edited">{texts.edited}</span>}
        {message?.replies && <span class="replies">{texts.replies(message.replies)}</span>}
        {message?.reactions && (
          <Reactions
            reactions={message.reactions}
            own={reacted}
            mayReact={mayReact}
            nameOf={nameOf}
            texts={texts}
            onToggle={(reaction) => actions.onReact(message.seq, reaction)}
          />
        )}
        {draft && <DraftState draft={draft} language={language} {...actions} />}
      </>
    );
  }
}

function mentionedIn(
  message: ChatMessage | undefined,
  nameOf: MessageRowProps['nameOf'],
): Mentioned[] | undefined {
  return message?.mentions?.flatMap((userId) => {
    const username = nameOf(userId);
    return username === undefined ? [] : [{ userId, username }];
  });
}

function Time({ at, language: { format } }: { at: number; language: Language }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={format.moment(at)}>
      {format.clock(at)}
    </time>
  );
}
