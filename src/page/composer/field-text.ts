import type { ClientStorage } from '../../client/index.ts';

export interface FieldTextDeps {
  /** The storage of one nickname. */
  readonly storage: ClientStorage;
  /** The guest that this nickname was before. */
  readonly guestId: string | undefined;
  readonly onRestored: (text: string) => void;
}

/**
 * Keeps the text in the field over a reload, for its author only: another person in the same tab does not see it. Text of a
 * guest whom the server no longer knows, and text from before the first connection, belong to the user whom the server then names.
 */
export interface FieldText {
  save(text: string): void;
  /** The server named the user. */
  setAuthor(userId: string): void;
}

const KEY = 'field';

export function createFieldText({ storage, guestId, onRestored }: FieldTextDeps): FieldText {
  let author = guestId;
  let text = '';

  const key = () => (author === undefined ? KEY : `${KEY} of ${author}`);

  function restore(from: string): void {
    const stored = storage.get(from);
    if (!stored) return;
    text = text === '' ? stored : `${stored}\n${text}`;
    onRestored(text);
  }

  restore(KEY);
  if (author !== undefined) {
    restore(key());
    storage.set(KEY, '');
    storage.set(key(), text);
  }
  return {
    save(typed) {
      text = typed;
      storage.set(key(), text);
    },
    setAuthor(userId) {
      if (userId === author) return;
      storage.set(key(), '');
      author = userId;
      restore(key());
      storage.set(key(), text);
    },
  };
}
