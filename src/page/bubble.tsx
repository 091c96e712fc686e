import { useMemo } from 'preact/hooks';
import { Avatar } from './avatar.tsx';
import type { Draft } from './drafts.ts';
import { splitLinks } from './links.ts';
import type { SaidRow } from './rows.ts';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

export interface BubbleActions {
  readonly onRetry: (clientMsgId: string) => void;
  readonly onDiscard: (clientMsgId: string) => void;
}

export function Bubble({ row, onRetry, onDiscard }: { row: SaidRow } & BubbleActions) {
  const { author, text, at, own, opens, draft } = row;
  // Rows are made anew with every change of the list; a thousand unchanged bubbles need not be compared in depth.
  return useMemo(
    () => (
      <div class={`said ${own ? 'own' : 'theirs'} ${opens ? 'opens' : ''} ${draft?.status ?? ''}`}>
        {opens && <Avatar username={author.username} avatar={author.avatar} />}
        <p class={opens ? 'said-by' : 'said-by visually-hidden'}>
          <bdi class="name">{author.username}</bdi>{' '}
          <time dateTime={new Date(at).toISOString()}>{clock.format(at)}</time>
        </p>
        <p class="bubble" dir="auto" title={moment.format(at)}>
          <LinkedText text={text} />
        </p>
        {draft && <DraftState draft={draft} onRetry={onRetry} onDiscard={onDiscard} />}
      </div>
    ),
    [author.username, author.avatar, text, at, own, opens, draft, onRetry, onDiscard],
  );
}

/** Text nodes and checked links only: what a person wrote is never read as HTML. */
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
