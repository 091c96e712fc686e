import type { RefObject } from 'preact';
import { useTexts } from '../language/texts.ts';
import { optionId } from './completion-list.tsx';

export interface TextBoxProps {
  readonly box: RefObject<HTMLTextAreaElement | null>;
  readonly text: string;
  readonly isTooLong: boolean;
  /** The list that is open above the box, and its active line. */
  readonly list: { readonly id: string; readonly active: number } | undefined;
  /** The pointer is a finger. */
  readonly coarse: boolean;
  readonly onText: (text: string, cursor: number | undefined) => void;
  /** Undefined: text is selected, or the box has lost the focus. */
  readonly onCursor: (cursor: number | undefined) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onPaste: (pasted: string) => void;
}

/** The field in which the reader writes, as high as its text. */
export function TextBox({ box, text, list, coarse, ...props }: TextBoxProps) {
  const { composer: texts } = useTexts();

  function moveCursor({ currentTarget: area }: { readonly currentTarget: HTMLTextAreaElement }): void {
    props.onCursor(cursorOf(area));
  }

  // A copy of the text gives the field its height. To measure the field itself it would have to shrink, which moves the list
  // above. The space makes a last empty line count.
  return (
    <div class="growing" data-text={`${text} `}>
      <textarea
        ref={box}
        rows={1}
        value={text}
        aria-label={texts.message}
        placeholder={texts.placeholder}
        enterkeyhint={coarse ? 'enter' : 'send'}
        autocomplete="off"
        aria-invalid={props.isTooLong}
        {...(list && comboboxAttributes(list.id, list.active))}
        onInput={({ currentTarget: area }) => props.onText(area.value, cursorOf(area))}
        onKeyDown={props.onKeyDown}
        onKeyUp={moveCursor}
        onClick={moveCursor}
        onBlur={() => props.onCursor(undefined)}
        onPaste={({ clipboardData }) => props.onPaste(clipboardData?.getData('text/plain') ?? '')}
      />
    </div>
  );
}

/** A field of several lines has no list that opens, by its types and for screen readers: it is a combobox while there is one. */
function comboboxAttributes(listId: string, active: number): object {
  return {
    role: 'combobox',
    'aria-expanded': true,
    'aria-autocomplete': 'list',
    'aria-controls': listId,
    'aria-activedescendant': optionId(listId, active),
  };
}

function cursorOf({ selectionStart, selectionEnd }: HTMLTextAreaElement): number | undefined {
  return selectionStart === selectionEnd ? selectionEnd : undefined;
}
