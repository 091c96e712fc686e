import type { ClientStorage } from '../client/index.ts';

export interface FieldTextDeps {
  readonly storage: ClientStorage;
  readonly onRestored: (text: string) => void;
}

/**
 * Keeps the text in the field over a reload, for its author only: another person in the same tab does not see it. Text from
 * before the first connection belongs to whoever the server then names.
 */
export interface FieldText {
  save(text: string): void;
  /** The server says who the user is. */
  claim(userId: string): void;
}

export function createFieldText({ storage, onRestored }: FieldTextDeps): FieldText {
  let author: string | undefined;
  let text = '';

  const key = () => (author === undefined ? 'field' : `field of ${author}`);

  function restore(): void {
    const stored = storage.get(key());
    if (!stored) return;
    text = text === '' ? stored : `${stored}\n${text}`;
    onRestored(text);
  }

  restore();
  return {
    save(typed) {
      text = typed;
      storage.set(key(), text);
    },
    claim(userId) {
      if (userId === author) return;
      if (author === undefined) storage.set(key(), '');
      author = userId;
      restore();
      storage.set(key(), text);
    },
  };
}
