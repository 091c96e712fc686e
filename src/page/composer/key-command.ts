/** The command of a key; undefined: the browser does what it does. */
export type KeyCommand =
  | 'next'
  | 'previous'
  | 'pick'
  | 'dismiss'
  | 'endTarget'
  | 'editLast'
  | 'send'
  | undefined;

export interface Key
  extends Pick<
    KeyboardEvent,
    'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey' | 'isComposing' | 'keyCode'
  > {}

export interface Field {
  /** A list of words is open. */
  readonly list: boolean;
  /** The text answers or replaces a message. */
  readonly target: boolean;
  readonly empty: boolean;
  /** The pointer is a finger: the keyboard on the screen has no Shift+Enter. */
  readonly coarse: boolean;
}

export function keyCommand(key: Key, { list, target, empty, coarse }: Field): KeyCommand {
  // Keys of an input method pick its words. Safari marks the last one with 229 only.
  if (key.isComposing || key.keyCode === 229) return undefined;
  const plain = !(key.shiftKey || key.ctrlKey || key.metaKey || key.altKey);
  if (list && plain) {
    if (key.key === 'ArrowDown') return 'next';
    if (key.key === 'ArrowUp') return 'previous';
    if (key.key === 'Enter' || key.key === 'Tab') return 'pick';
    if (key.key === 'Escape') return 'dismiss';
  }
  if (key.key === 'Escape') return target ? 'endTarget' : undefined;
  if (key.key === 'ArrowUp') return plain && empty && !target ? 'editLast' : undefined;
  if (key.key !== 'Enter') return undefined;
  if (key.ctrlKey || key.metaKey) return 'send';
  return plain && !coarse ? 'send' : undefined;
}
