/** The message that the field's text answers or replaces. `epoch`: the one of its number. */
export type ComposerTarget =
  /** `text`: the first line of the message. */
  | {
      readonly kind: 'reply';
      readonly epoch: string;
      readonly seq: number;
      readonly username: string;
      readonly text: string;
    }
  /** `text`: the whole text, to be changed in the field; `typed`: what it was changed to so far. */
  | {
      readonly kind: 'edit';
      readonly epoch: string;
      readonly seq: number;
      readonly text: string;
      readonly typed?: string;
    };

/** Reads a stored value, which may hold anything. */
export function parseTarget(stored: string | null | undefined): ComposerTarget | undefined {
  try {
    const { kind, epoch, seq, username, text, typed } = JSON.parse(stored || '{}');
    if (typeof epoch !== 'string' || !Number.isSafeInteger(seq) || typeof text !== 'string') return undefined;
    if (kind === 'reply' && typeof username === 'string') return { kind, epoch, seq, username, text };
    if (kind !== 'edit') return undefined;
    return { kind, epoch, seq, text, ...(typeof typed === 'string' && { typed }) };
  } catch {
    return undefined;
  }
}
