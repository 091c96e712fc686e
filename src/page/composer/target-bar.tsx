import { useTexts } from '../language/texts.ts';
import type { ComposerTarget } from './target.ts';

/** Says above the field which message its text answers or replaces. */
export function TargetBar({ target, onEnd }: { target: ComposerTarget; onEnd: () => void }) {
  const { composer: texts } = useTexts();
  return (
    <div class="target-bar">
      <p>
        {target.kind === 'edit' ? (
          texts.editing
        ) : (
          <>
            {texts.replyingTo} <bdi class="name">{target.username}</bdi>: <bdi>{target.text}</bdi>
          </>
        )}
      </p>
      <button type="button" class="text-button" onClick={onEnd}>
        {texts.cancel}
      </button>
    </div>
  );
}
