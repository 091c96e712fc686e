import { useState } from 'preact/hooks';
import { useTexts } from '../../language/texts.ts';
import { SmileIcon } from '../../ui/icons.tsx';
import { EmojiPicker } from './emoji-picker.tsx';

export interface EmojiButtonProps {
  readonly onPick: (emoji: string) => void;
  /** The picker was closed by Escape: the focus goes back to where it came from. */
  readonly onEscape: () => void;
}

/** Opens the picker above itself. */
export function EmojiButton({ onPick, onEscape }: EmojiButtonProps) {
  const { emoji: texts } = useTexts();
  const [open, setOpen] = useState(false);
  return (
    <div class="emoji-button">
      <button
        type="button"
        class="icon-button"
        aria-label={texts.open}
        title={texts.open}
        aria-haspopup="dialog"
        aria-expanded={open}
        // The picker closes when it loses the focus, and this click must not open it again.
        onMouseDown={(event) => event.preventDefault()}
        onClick={() => setOpen(!open)}
      >
        <SmileIcon />
      </button>
      {open && (
        <EmojiPicker
          onPick={(emoji) => {
            setOpen(false);
            onPick(emoji);
          }}
          onClose={(byEscape) => {
            setOpen(false);
            if (byEscape) onEscape();
          }}
        />
      )}
    </div>
  );
}
