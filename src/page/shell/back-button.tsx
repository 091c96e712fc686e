import { useTexts } from '../language/texts.ts';
import { BackIcon } from '../ui/icons.tsx';
import { usePage } from './page.ts';

/** Leads to the list of rooms, where the screen shows one pane at a time. */
export function BackButton() {
  const { router } = usePage();
  const { shell: texts } = useTexts();
  return (
    <button
      type="button"
      class="icon-button back"
      aria-label={texts.back}
      title={texts.back}
      onClick={() => router.go({ kind: 'list' })}
    >
      <BackIcon />
    </button>
  );
}
