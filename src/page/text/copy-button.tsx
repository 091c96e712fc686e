import { useTexts } from '../language/texts.ts';
import { useCopy } from '../ui/use-copy.ts';

/** Copies a text; absent where the browser does not let the page do so. */
export function CopyButton({ text }: { readonly text: string }) {
  const { text: texts } = useTexts();
  const clipboard = useCopy(text);
  if (!clipboard) return null;
  return (
    <button type="button" class="text-button copy" onClick={clipboard.copy}>
      <span aria-live="polite">{clipboard.copied ? texts.copied : texts.copy}</span>
    </button>
  );
}
