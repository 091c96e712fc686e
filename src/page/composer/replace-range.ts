/** Replaces a part of the field's text as if it had been typed, so that the browser can undo it. */
export function replaceRange(
  field: HTMLTextAreaElement,
  { start, end }: { readonly start: number; readonly end: number },
  replacement: string,
): void {
  field.focus();
  field.setSelectionRange(start, end);
  // Deprecated, but nothing else keeps what the reader may undo; every browser has it.
  if (document.execCommand('insertText', false, replacement)) return;
  field.setRangeText(replacement, start, end, 'end');
  field.dispatchEvent(new InputEvent('input', { bubbles: true }));
}
