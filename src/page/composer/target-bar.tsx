import { useTexts } from '../language/texts.ts';
import { excerptOf } from '../text/excerpt.ts';
import { CloseIcon } from '../ui/icons.tsx';
import type { ComposerTarget } from './target.ts';

const EXCERPT_CHARS = 120;

/** Says above the field which message its text answers or replaces. */
export function TargetBar({ target, onEnd }: { target: ComposerTarget; onEnd: () => void }) {
  const { composer: texts } = useTexts();
  return (
    <div class="target-bar">
      <p>
        {target.kind === 'edit' ? (
          <span class="target-title">{texts.editing}</span>
        ) : (
          <span class="target-title">
            {texts.replyingTo} <bdi>{target.username}</bdi>
          </span>
        )}
        <bdi class="target-text">{excerptOf(target.text, EXCERPT_CHARS)}</bdi>
      </p>
      <button
        type="button"
        class="icon-button"
        aria-label={texts.cancel}
        title={texts.cancelTitle}
        onClick={onEnd}
      >
        <CloseIcon />
      </button>
    </div>
  );
}
