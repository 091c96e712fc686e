import { useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { CopyButton } from './copy-button.tsx';
import { type Preview, previewOf } from './long-code.ts';

const FEW_LINES = 20;

export interface CodeBlockProps {
  readonly code: string;
  /** The word after the backticks; may be empty. */
  readonly language: string;
}

/** Code, or a long text somebody pasted: it shows its beginning first. */
export function CodeBlock({ code, language }: CodeBlockProps) {
  const { text: texts, format } = useTexts();
  const [open, setOpen] = useState(false);
  const preview = previewOf(code);

  /** A few very long lines are told by their characters. */
  function sizeText({ lines, chars }: Preview): string {
    if (lines > FEW_LINES) return texts.showAllLines(format.number(lines));
    return texts.showAllCharacters(format.number(chars));
  }

  return (
    <div class="code-block">
      <pre>
        <code>{preview && !open ? preview.text : code}</code>
      </pre>
      <div class="code-bar">
        {preview && (
          <button type="button" class="text-button" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? texts.showLess : sizeText(preview)}
          </button>
        )}
        {language !== '' && language !== 'text' && <span class="code-language">{language}</span>}
        <CopyButton text={code} />
      </div>
    </div>
  );
}
