import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { EmojiButton } from '../text/emoji/emoji-button.tsx';
import { mentionedIn } from '../text/mentions.ts';
import { SendIcon } from '../ui/icons.tsx';
import { CompletionList } from './completion-list.tsx';
import type { FieldText } from './field-text.ts';
import { keyCommand } from './key-command.ts';
import { isStillThere, longPaste, type Paste, withPasteAsBlock } from './paste.ts';
import { PasteOffer } from './paste-offer.tsx';
import { replaceRange } from './replace-range.ts';
import type { ComposerTarget } from './target.ts';
import { TargetBar } from './target-bar.tsx';
import { TextBox } from './text-box.tsx';
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
  const { maxTextBytes, fieldText, followMembers, ownId, target } = props;
  const { onSay, onEdit, onEndTarget, onEditLast, onTyping } = props;
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
      onSay(text, { ...(target && { replyTo: target.seq }), ...mentionsIn(text, fieldText.chosen) });
      field.clear();
      onTyping(false);
      if (target) onEndTarget?.();
    }
    box.current?.focus();
  }

  const commands = {
    next: () => completion.move(1),
    previous: () => completion.move(-1),
    pick() {
      const option = options[completion.active];
      if (option) pick(option);
    },
    dismiss: completion.dismiss,
    endTarget: () => onEndTarget?.(),
    editLast: () => onEditLast?.(),
    send,
  };

  function onKeyDown(event: KeyboardEvent): void {
    const list = options.length > 0;
    const command = keyCommand(event, {
      list,
      target: target !== undefined,
      empty: text === '',
      coarse: coarse(),
    });
    if (!command || (command === 'editLast' && !onEditLast)) return;
    commands[command]();
    event.preventDefault();
    event.stopPropagation();
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
          <TextBox
            box={box}
            text={text}
            isTooLong={budget.over > 0}
            list={options.length > 0 ? { id: listId, active: completion.active } : undefined}
            coarse={coarse()}
            onText={(typed, cursor) => {
              field.change(typed, cursor);
              if (!editing) onTyping(typed.trim() !== '');
            }}
            onCursor={field.moveCursor}
            onKeyDown={onKeyDown}
            onPaste={(given) => {
              const long = longPaste(given);
              if (long) setPasted(long);
            }}
          />
          <Hint budget={budget} />
        </div>
        <EmojiButton onPick={(emoji) => insert(emoji)} onEscape={() => box.current?.focus()} />
        <SendButton disabled={!sendable} editing={editing} />
      </div>
    </form>
  );
}

function mentionsIn(text: string, chosen: FieldText['chosen']): Pick<SayOptions, 'mentions'> {
  const mentions = new Set(mentionedIn(text, chosen).map(({ userId }) => userId));
  return mentions.size > 0 ? { mentions: [...mentions].slice(0, MAX_MENTIONS) } : {};
}

function SendButton({ disabled, editing }: { readonly disabled: boolean; readonly editing: boolean }) {
  const { composer: texts } = useTexts();
  return (
    <button
      type="submit"
      class="send"
      disabled={disabled}
      aria-label={editing ? texts.save : texts.send}
      title={editing ? texts.save : texts.sendTitle}
    >
      <SendIcon />
    </button>
  );
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
