import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Language } from '../language/texts.ts';

export interface DeleteDialogProps {
  readonly username: string;
  readonly text: string;
  readonly texts: Language['room'];
  readonly onDelete: () => void;
  readonly onClose: () => void;
}

/** Asks before a message is deleted. The browser's dialog keeps the focus inside and Escape closes it. */
export function DeleteDialog({ username, text, texts, onDelete, onClose }: DeleteDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog class="delete-dialog" ref={dialog} aria-labelledby="delete-question" onClose={onClose}>
      <h2 id="delete-question">{texts.deleteQuestion}</h2>
      <p class="quoted">
        <bdi class="name">{username}</bdi> <bdi>{text}</bdi>
      </p>
      <form method="dialog" class="dialog-buttons">
        <button type="submit">{texts.cancel}</button>
        <button type="submit" class="danger" onClick={onDelete}>
          {texts.action.delete}
        </button>
      </form>
    </dialog>
  );
}
