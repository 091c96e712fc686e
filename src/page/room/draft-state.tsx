import { describeDraftProblem } from '../language/problems.ts';
import type { Language } from '../language/texts.ts';
import type { Draft } from './drafts.ts';

export interface DraftActions {
  readonly onRetry: (clientMsgId: string) => void;
  readonly onDiscard: (clientMsgId: string) => void;
  /** Puts the text back into the field. */
  readonly onTakeBack: (clientMsgId: string) => void;
}

export interface DraftStateProps extends DraftActions {
  readonly draft: Draft;
  readonly language: Language;
}

/** The line below a message that the room does not have yet. */
export function DraftState({ draft, language, onRetry, onDiscard, onTakeBack }: DraftStateProps) {
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
      <button type="button" class="text-button" onClick={() => onTakeBack(draft.clientMsgId)}>
        {texts.takeBack}
      </button>{' '}
      <button type="button" class="text-button" onClick={() => onDiscard(draft.clientMsgId)}>
        {texts.discard}
      </button>
    </p>
  );
}
