import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Mentioned } from '../text/message-nodes.ts';
import type { FieldText } from './field-text.ts';
import type { ComposerTarget } from './target.ts';

export interface FieldState {
  readonly text: string;
  /** The place of the next key; undefined while text is selected. */
  readonly cursor: number | undefined;
  /** The reader typed, or chose a person. */
  change(text: string, cursor: number | undefined, chosen?: Mentioned): void;
  moveCursor(cursor: number | undefined): void;
  clear(): void;
}

/**
 * Gives the field its text: the one that the room keeps, or, while a message is edited, that message's text. The room's text comes
 * back after the edit.
 */
export function useField(
  kept: FieldText,
  target: ComposerTarget | undefined,
  field: RefObject<HTMLTextAreaElement | null>,
): FieldState {
  const [text, setText] = useState(kept.text);
  const [cursor, setCursor] = useState<number>();
  const edited = target?.kind === 'edit' ? target : undefined;

  useEffect(() => {
    setText(edited ? (typedIn(kept.target, edited.seq) ?? edited.text) : kept.text);
    if (edited) return;
    return kept.listen(() => setText(kept.text));
  }, [kept, edited]);

  useEffect(() => {
    if (target) field.current?.focus();
  }, [target, field]);

  function change(next: string, at: number | undefined, chosen?: Mentioned): void {
    setText(next);
    setCursor(at);
    if (edited) kept.saveTarget({ ...edited, typed: next });
    else kept.save(next, chosen ? [...kept.chosen, chosen] : kept.chosen);
  }

  return { text, cursor, change, moveCursor: setCursor, clear: () => change('', 0) };
}

/** The text to which the message was changed before the field was drawn. */
function typedIn(target: ComposerTarget | undefined, seq: number): string | undefined {
  return target?.kind === 'edit' && target.seq === seq ? target.typed : undefined;
}
