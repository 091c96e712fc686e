import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { EmojiButton } from '../text/emoji/emoji-button.tsx';
import { mentionedIn } from '../text/mentions.ts';
import { SendIcon } from '../ui/icons.tsx';
import { CompletionList, optionId } from './completion-list.tsx';
import type { FieldText } from './field-text.ts';
import { keyCommand } from './key-command.ts';
import { isStillThere, longPaste, type Paste, withPasteAsBlock } from './paste.ts';
import { PasteOffer } from './paste-offer.tsx';
import { replaceRange } from './replace-range.ts';
import type { ComposerTarget } from './target.ts';
import { TargetBar } from './target-bar.tsx';
import { budgetOf, type TextBudget } from './text-budget.ts';
import { type Option, useCompletion } from './use-completion.ts';
import { useField } from './use-field.ts';
import type { FollowMembers } from './use-members.ts';

export interface SayOptions {
  readonly replyTo?: number;
  /** User ids. */
  readonly mentions?: readonly string[];
}

export interface ComposerProps {
  readonly maxTextBytes: number;
  /** The text of this room's field. */
  readonly fieldText: FieldText;
  readonly ownId: string;
  /** Calls back with the members of the room, who can be mentioned. */
  readonly followMembers: FollowMembers;
  /** The message that the text answers or replaces. */
  readonly target?: ComposerTarget | undefined;
  readonly onSay: (text: string, options: SayOptions) => void;
  readonly onEdit?: (seq: number, text: string) => void;
  readonly onEndTarget?: () => void;
  /** Arrow up in the empty field. */
  readonly onEditLast?: () => void;
  /** Called with every key: whether there is a text that will be sent. */
  readonly onTyping: (on: boolean) => void;
}

/** The server takes no more. */
const MAX_MENTIONS = 20;

/** The field of a room, with all that helps to fill it. */
export function Composer(props: ComposerProps) {
  const { maxTextBytes, fieldText, followMembers, ownId, target, onSay, onEdit, onEndTarget, onTyping } =
    props;
  const { composer: texts } = useTexts();
  const box = useRef<HTMLTextAreaElement>(null);
  const field = useField(fieldText, target, box);
  const { text } = field;
  const completion = useCompletion({ text, cursor: field.cursor, followMembers, ownId });
  const { options, closed } = completion;
  const [pasted, setPasted] = useState<Paste>();
  const listId = useId();
  const budget = useMemo(() => budgetOf(text, maxTextBytes), [text, maxTextBytes]);
  const sendable = text.trim() !== '' && budget.over === 0;
  const editing = target?.kind === 'edit';
  const paste = pasted && isStillThere(text, pasted) ? pasted : undefined;
  const coarse = () => matchMedia('(pointer: coarse)').matches;

  // On a touch device the keyboard would come up and cover the room.
  useEffect(() => {
    if (!coarse()) box.current?.focus();
  }, []);

  useEffect(() => {
    const { cursor } = field;
    if (closed && cursor !== undefined) insert(closed.emoji, { start: closed.start, end: cursor });
  }, [closed?.emoji, closed?.start]);

  function insert(insertion: string, range?: { readonly start: number; readonly end: number }): void {
    const area = box.current;
    if (!area) return;
    replaceRange(area, range ?? { start: area.selectionStart, end: area.selectionEnd }, insertion);
  }

  function pick({ insertion, member }: Option): void {
    const { query } = completion;
    if (!query) return;
    if (member && !editing) fieldText.save(text, [...fieldText.chosen, member]);
    insert(insertion, { start: query.start, end: query.start + query.word.length + 1 });
  }

  function send(): void {
    if (!sendable) return;
    if (editing) onEdit?.(target.seq, text);
    else {
      const mentions = mentionedIn(text, fieldText.chosen).map(({ userId }) => userId);
      onSay(text, {
        ...(target && { replyTo: target.seq }),
        ...(mentions.length > 0 && { mentions: [...new Set(mentions)].slice(0, MAX_MENTIONS) }),
      });
      field.clear();
      onTyping(false);
      if (target) onEndTarget?.();
    }
    box.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    const list = options.length > 0;
    switch (keyCommand(event, { list, target: target !== undefined, empty: text === '', coarse: coarse() })) {
      case 'next':
        completion.setActive((completion.active + 1) % options.length);
        break;
      case 'previous':
        completion.setActive((completion.active + options.length - 1) % options.length);
        break;
      case 'pick': {
        const option = options[completion.active];
        if (option) pick(option);
        break;
      }
      case 'dismiss':
        completion.dismiss();
        break;
      case 'endTarget':
        onEndTarget?.();
        break;
      case 'editLast':
        if (!props.onEditLast) return;
        props.onEditLast();
        break;
      case 'send':
        send();
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function moveCursor({ currentTarget: area }: { readonly currentTarget: HTMLTextAreaElement }): void {
    field.moveCursor(cursorOf(area));
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {target && <TargetBar target={target} onEnd={() => onEndTarget?.()} />}
      {paste && (
        <PasteOffer
          paste={paste}
          onKeep={() => {
            setPasted(undefined);
            box.current?.focus();
          }}
          onBlock={() => {
            insert(withPasteAsBlock(text, paste), { start: 0, end: text.length });
            setPasted(undefined);
          }}
        />
      )}
      <div class="composer-row">
        <div class="field">
          {options.length > 0 && (
            <CompletionList id={listId} options={options} active={completion.active} onPick={pick} />
          )}
          {/* A copy of the text gives the field its height. To measure the field itself it would have to shrink, which
              moves the list above. The space makes a last empty line count. */}
          <div class="growing" data-text={`${text} `}>
            <textarea
              ref={box}
              rows={1}
              value={text}
              aria-label={texts.message}
              placeholder={texts.placeholder}
              enterkeyhint={coarse() ? 'enter' : 'send'}
              autocomplete="off"
              aria-invalid={budget.over > 0}
              {...(options.length > 0 && comboboxAttributes(listId, completion.active))}
              onInput={({ currentTarget: area }) => {
                field.change(area.value, cursorOf(area));
                if (!editing) onTyping(area.value.trim() !== '');
              }}
              onKeyDown={onKeyDown}
              onKeyUp={moveCursor}
              onClick={moveCursor}
              onBlur={() => field.moveCursor(undefined)}
              onPaste={({ clipboardData }) => {
                const long = longPaste(clipboardData?.getData('text/plain') ?? '');
                if (long) setPasted(long);
              }}
            />
          </div>
          <Hint budget={budget} />
        </div>
        <EmojiButton onPick={(emoji) => insert(emoji)} onEscape={() => box.current?.focus()} />
        <button
          type="submit"
          class="send"
          disabled={!sendable}
          aria-label={editing ? texts.save : texts.send}
          title={editing ? texts.save : texts.sendTitle}
        >
          <SendIcon />
        </button>
      </div>
    </form>
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

function Hint({ budget: { over, left } }: { readonly budget: TextBudget }) {
  const { composer: texts, format } = useTexts();
  if (over === 0 && left === undefined) return null;
  return (
    <p class={over > 0 ? 'counter over' : 'counter'} role="status">
      {over > 0 ? texts.tooLong(over, format.number(over)) : texts.left(left ?? 0, format.number(left ?? 0))}
    </p>
  );
}
