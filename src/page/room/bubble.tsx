import { Component } from 'preact';
import { describeDraftProblem } from '../language/problems.ts';
import type { Language } from '../language/texts.ts';
import { splitLinks } from '../text/links.ts';
import { Avatar } from '../ui/avatar.tsx';
import type { Draft } from './drafts.ts';
import { type SaidRow, sameRow } from './rows.ts';

export interface BubbleActions {
  readonly onRetry: (clientMsgId: string) => void;
  readonly onDiscard: (clientMsgId: string) => void;
}

interface BubbleProps extends BubbleActions {
  readonly row: SaidRow;
  readonly language: Language;
}

/**
 * A class, for `shouldComponentUpdate`: every change of the list creates all rows anew, and Preact need not compare a
 * thousand unchanged bubbles in depth. Elements cached with `useMemo` would do that too, but each retains the tree of its
 * first render: 250 MB after 300 messages below 1,000.
 */
export class Bubble extends Component<BubbleProps> {
  override shouldComponentUpdate(next: BubbleProps): boolean {
    const { row, language, onRetry, onDiscard } = this.props;
    if (language !== next.language) return true;
    return !sameRow(row, next.row) || onRetry !== next.onRetry || onDiscard !== next.onDiscard;
  }

  override render({ row, language, onRetry, onDiscard }: BubbleProps) {
    const { author, text, at, own, opens, draft } = row;
    const { format, room: texts } = language;
    const note = [row.note, row.edited && texts.edited].filter(Boolean).join(' · ');
    return (
      <div class={`said ${own ? 'own' : 'theirs'} ${opens ? 'opens' : ''} ${draft?.status ?? ''}`}>
        {opens && <Avatar username={author.username} avatar={author.avatar} />}
        <p class={opens ? 'said-by' : 'said-by visually-hidden'}>
          <bdi class="name">{author.username}</bdi>{' '}
          {at !== undefined && <time dateTime={new Date(at).toISOString()}>{format.clock(at)}</time>}
        </p>
        <p class="bubble" dir="auto" title={at === undefined ? undefined : format.moment(at)}>
          <LinkedText text={text} />
        </p>
        {note && (
          <p class="message-note">
            <bdi>{note}</bdi>
          </p>
        )}
        {draft && <DraftState draft={draft} language={language} onRetry={onRetry} onDiscard={onDiscard} />}
      </div>
    );
  }
}

/** Renders text nodes and checked links only: user text is never parsed as HTML. */
function LinkedText({ text }: { text: string }) {
  return (
    <>
      {splitLinks(text).map((part) =>
        part.href === undefined ? (
          part.text
        ) : (
          <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">
            {part.text}
          </a>
        ),
      )}
    </>
  );
}

interface DraftStateProps extends BubbleActions {
  readonly draft: Draft;
  readonly language: Language;
}

function DraftState({ draft, language, onRetry, onDiscard }: DraftStateProps) {
  const { room: texts } = language;
  if (draft.status === 'sending') return <p class="draft-state">{texts.sending}</p>;
  if (draft.status === 'outside') return <p class="draft-state">{texts.notInRoom}</p>;
  if (draft.status === 'waiting') return <p class="draft-state">{texts.waiting}</p>;
  return (
    <p class="draft-state" role="alert">
      <span>{draft.problem && describeDraftProblem(language, draft.problem)}</span>{' '}
      <button type="button" class="text-button" onClick={() => onRetry(draft.clientMsgId)}>
        {texts.retry}
      </button>{' '}
      <button type="button" class="text-button" onClick={() => onDiscard(draft.clientMsgId)}>
        {texts.discard}
      </button>
    </p>
  );
}
