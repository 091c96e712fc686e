import { Component } from 'preact';
import { Avatar } from './avatar.tsx';
import type { Draft } from './drafts.ts';
import { splitLinks } from './links.ts';
import { type SaidRow, sameRow } from './rows.ts';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

export interface BubbleActions {
  readonly onRetry: (clientMsgId: string) => void;
  readonly onDiscard: (clientMsgId: string) => void;
}

interface BubbleProps extends BubbleActions {
  readonly row: SaidRow;
}

/**
 * A class, for `shouldComponentUpdate`: every change of the list creates all rows anew, and Preact need not compare a
 * thousand unchanged bubbles in depth. Elements cached with `useMemo` would do that too, but each retains the tree of its
 * first render: 250 MB after 300 messages below 1,000.
 */
export class Bubble extends Component<BubbleProps> {
  override shouldComponentUpdate(next: BubbleProps): boolean {
    const { row, onRetry, onDiscard } = this.props;
    return !sameRow(row, next.row) || onRetry !== next.onRetry || onDiscard !== next.onDiscard;
  }

  override render({ row, onRetry, onDiscard }: BubbleProps) {
    const { author, text, at, own, opens, draft, note } = row;
    return (
      <div class={`said ${own ? 'own' : 'theirs'} ${opens ? 'opens' : ''} ${draft?.status ?? ''}`}>
        {opens && <Avatar username={author.username} avatar={author.avatar} />}
        <p class={opens ? 'said-by' : 'said-by visually-hidden'}>
          <bdi class="name">{author.username}</bdi>{' '}
          {at !== undefined && <time dateTime={new Date(at).toISOString()}>{clock.format(at)}</time>}
        </p>
        <p class="bubble" dir="auto" title={at === undefined ? undefined : moment.format(at)}>
          <LinkedText text={text} />
        </p>
        {note && (
          <p class="message-note">
            <bdi>{note}</bdi>
          </p>
        )}
        {draft && <DraftState draft={draft} onRetry={onRetry} onDiscard={onDiscard} />}
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

function DraftState({ draft, onRetry, onDiscard }: { draft: Draft } & BubbleActions) {
  if (draft.status === 'sending') return <p class="draft-state">Sending…</p>;
  if (draft.status === 'outside') return <p class="draft-state">Not sent: you are not in this room.</p>;
  if (draft.status === 'waiting') return <p class="draft-state">Waiting for the connection…</p>;
  return (
    <p class="draft-state" role="alert">
      <span>{draft.problem}</span>{' '}
      <button type="button" class="text-button" onClick={() => onRetry(draft.clientMsgId)}>
        Retry
      </button>{' '}
      <button type="button" class="text-button" onClick={() => onDiscard(draft.clientMsgId)}>
        Discard
      </button>
    </p>
  );
}
