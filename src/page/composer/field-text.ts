import type { ClientStorage } from '../../client/index.ts';
import type { Mentioned } from '../text/message-nodes.ts';
import { type ComposerTarget, parseTarget } from './target.ts';

export interface FieldTextDeps {
  /** The storage of one nickname in one room. */
  readonly storage: ClientStorage;
  /** The guest that this nickname was before. */
  readonly guestId: string | undefined;
}

/**
 * The text in the field of one room, which outlives the page. It is its author's only: another person in the same browser does
 * not see it. Text of a guest whom the server no longer knows, and text from before the first connection, belong to the user
 * whom the server then names.
 */
export interface FieldText {
  readonly text: string;
  /** The people chosen from the list of members, whether their names are still in the text or not. */
  readonly chosen: readonly Mentioned[];
  /** The message that the text answers, or that is edited beside the text. */
  readonly target: ComposerTarget | undefined;
  /** Call it with every key. */
  save(text: string, chosen?: readonly Mentioned[]): void;
  /** Call it when the target changes, and with every key of an edit. */
  saveTarget(target: ComposerTarget | undefined): void;
  /** Puts a text that was not sent back into the field, below what is there. */
  add(text: string): void;
  /** The server named the user. */
  setAuthor(userId: string): void;
  /** Calls back when the text or its target changed by anything but `save` and `saveTarget`. Returns a function that ends it. */
  listen(listener: () => void): () => void;
}

const KEY = 'field';
const MAX_CHOSEN = 100;

export function createFieldText({ storage, guestId }: FieldTextDeps): FieldText {
  const listeners = new Set<() => void>();
  let author: string | undefined;
  let text = '';
  let chosen: readonly Mentioned[] = [];
  let target: ComposerTarget | undefined;

  const key = () => (author === undefined ? KEY : `${KEY} of ${author}`);
  const chosenKey = () => `chosen in ${key()}`;
  const targetKey = () => `target of ${key()}`;

  function restore(): void {
    const stored = storage.get(key());
    const storedTarget = parseTarget(storage.get(targetKey()));
    if (!stored && !storedTarget) return;
    target ??= storedTarget;
    if (stored) {
      text = text === '' ? stored : `${stored}\n${text}`;
      chosen = [...parseChosen(storage.get(chosenKey())), ...chosen];
    }
    notify();
  }

  function store(): void {
    storage.set(key(), text);
    storage.set(chosenKey(), JSON.stringify(text === '' ? [] : chosen));
    storage.set(targetKey(), target ? JSON.stringify(target) : '');
  }

  function forget(): void {
    storage.set(key(), '');
    storage.set(chosenKey(), '[]');
    storage.set(targetKey(), '');
  }

  function notify(): void {
    for (const listener of listeners) listener();
  }

  function become(userId: string | undefined): void {
    forget();
    author = userId;
    restore();
    store();
  }

  restore();
  if (guestId !== undefined) become(guestId);
  return {
    get text() {
      return text;
    },
    get chosen() {
      return chosen;
    },
    get target() {
      return target;
    },
    save(typed, people = chosen) {
      text = typed;
      chosen = typed === '' ? [] : people.slice(-MAX_CHOSEN);
      store();
    },
    saveTarget(next) {
      target = next;
      store();
    },
    add(more) {
      text = text.trim() === '' ? more : `${text}\n${more}`;
      store();
      notify();
    },
    setAuthor(userId) {
      if (userId !== author) become(userId);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Reads a stored value, which may hold anything. */
function parseChosen(stored: ReturnType<ClientStorage['get']>): readonly Mentioned[] {
  try {
    const value: unknown = JSON.parse(stored || '[]');
    if (!Array.isArray(value)) return [];
    return value.filter(
      (person: Partial<Mentioned> | null) =>
        typeof person?.userId === 'string' && typeof person.username === 'string',
    );
  } catch {
    return [];
  }
}
