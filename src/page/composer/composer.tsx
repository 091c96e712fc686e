import { useEffect, useRef, useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { SendIcon } from '../ui/icons.tsx';
import type { ComposerTarget } from './target.ts';
import { TargetBar } from './target-bar.tsx';

const encoder = new TextEncoder();
/** The counter appears from this share of the limit on. */
const COUNTER_FROM = 0.8;

export interface ComposerProps {
  readonly maxTextBytes: number;
  /** The field's text from before the tab was loaded again. */
  readonly restored: string;
  /** The message that the text answers or replaces. */
  readonly target: ComposerTarget | undefined;
  readonly onSay: (text: string, options: { readonly replyTo?: number }) => void;
  readonly onEdit: (seq: number, text: string) => void;
  readonly onEndTarget: () => void;
  /** Called with every key: the text in the field. */
  readonly onTyped: (text: string) => void;
}

export function Composer({
  maxTextBytes,
  restored,
  target,
  onSay,
  onEdit,
  onEndTarget,
  onTyped,
}: ComposerProps) {
  const { composer: texts } = useTexts();
  const [text, setText] = useState(restored);
  const field = useRef<HTMLTextAreaElement>(null);
  // UTF-8 needs at most three bytes per UTF-16 unit, so short texts need no encoding at each key.
  const bytes = text.length * 3 < maxTextBytes * COUNTER_FROM ? 0 : encoder.encode(text).length;
  const left = maxTextBytes - bytes;
  const sendable = text.trim() !== '' && left >= 0;

  useEffect(() => setText(restored), [restored]);

  /** The text that an edit took the place of. */
  const aside = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (target?.kind === 'edit') {
      aside.current ??= text;
      setText(target.text);
    } else if (aside.current !== undefined) {
      setText(aside.current);
      aside.current = undefined;
    }
    if (target) field.current?.focus();
  }, [target]);

  // On a touch device the keyboard would come up and cover the room.
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) field.current?.focus();
  }, []);

  function send(): void {
    if (!sendable) return;
    if (target?.kind === 'edit') onEdit(target.seq, text);
    else {
      onSay(text, target ? { replyTo: target.seq } : {});
      setText('');
    }
    field.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    // Enter may pick a word of an input method, which Safari marks with 229 only.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key === 'Escape' && target && !composing) {
      event.preventDefault();
      onEndTarget();
    }
    if (event.key !== 'Enter' || event.shiftKey || composing) return;
    event.preventDefault();
    send();
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="field">
        {target && <TargetBar target={target} onEnd={onEndTarget} />}
        {/* A copy of the text gives the field its height. To measure the field itself it would have to shrink, which
            moves the list above. The space makes a last empty line count. */}
        <div class="growing" data-text={`${text} `}>
          <textarea
            ref={field}
            rows={1}
            value={text}
            aria-label={texts.message}
            placeholder={texts.placeholder}
            enterkeyhint="send"
            autocomplete="off"
            aria-invalid={left < 0}
            onInput={({ currentTarget: { value } }) => {
              setText(value);
              if (target?.kind !== 'edit') onTyped(value);
            }}
            onKeyDown={onKeyDown}
          />
        </div>
        {bytes > maxTextBytes * COUNTER_FROM && (
          <p class={left < 0 ? 'counter over' : 'counter'} role="status">
            {left < 0 ? texts.bytesTooLong(-left) : texts.bytesLeft(left)}
          </p>
        )}
      </div>
      <button type="submit" class="send" disabled={!sendable} aria-label={texts.send} title={texts.sendTitle}>
        <SendIcon />
      </button>
    </form>
  );
}
