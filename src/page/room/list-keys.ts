import type { MessageAction } from './message-actions.ts';

/** The effect of a key in the list of messages. */
export type ListCommand =
  | { readonly move: number }
  | { readonly open: 'menu' }
  | { readonly act: MessageAction }
  | { readonly leave: 'composer' };

/** A page of rows; their heights differ, so it is no page of the screen. */
const PAGE_ROWS = 10;

export type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

/** `index`: the row that has the focus, of `count` rows. Undefined: the browser's own meaning of the key. */
export function listCommand(pressed: Key, index: number, count: number): ListCommand | undefined {
  const { key, shiftKey } = pressed;
  if (key === 'F10' && shiftKey) return { open: 'menu' };
  // Ctrl+C copies a selection, and Alt+arrow goes back in the history.
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return undefined;
  switch (key) {
    case 'ArrowUp':
      return moveTo(index - 1, count);
    case 'ArrowDown':
      return moveTo(index + 1, count);
    case 'PageUp':
      return moveTo(index - PAGE_ROWS, count);
    case 'PageDown':
      return moveTo(index + PAGE_ROWS, count);
    case 'Home':
      return moveTo(0, count);
    case 'End':
      return moveTo(count - 1, count);
    case 'Enter':
    case 'ContextMenu':
      return { open: 'menu' };
    case 'Escape':
      return { leave: 'composer' };
    case 'Delete':
      return { act: 'delete' };
  }
  const act = LETTERS[key.toLowerCase()];
  return act && !shiftKey ? { act } : undefined;
}

const LETTERS: Readonly<Record<string, MessageAction>> = { r: 'reply', e: 'edit', c: 'copy', g: 'quoted' };

function moveTo(index: number, count: number): ListCommand | undefined {
  return count === 0 ? undefined : { move: Math.max(0, Math.min(count - 1, index)) };
}
