import { type Draft, parseDrafts } from './drafts.ts';
import { type Letter, parseLetters } from './letters.ts';
import { type ClientStorage, createKept } from './storage.ts';

export interface UnsentStorageDeps {
  readonly storage: ClientStorage | undefined;
  readonly drafts: () => readonly Draft[];
  readonly letters: () => readonly Letter[];
}

/** Stores what is not acked yet for the next run. */
export interface UnsentStorage {
  /** What an earlier run left. */
  readonly drafts: readonly Draft[];
  readonly letters: readonly Letter[];
  /** Stores everything at the end of this turn: a burst of messages is written once. */
  save(): void;
}

/** Browsers give 5 MB, in units of two bytes, to all pages of one origin. */
const MAX_CHARS = 1_000_000;

export function createUnsentStorage({ storage, drafts, letters }: UnsentStorageDeps): UnsentStorage {
  const storedDrafts = createKept(storage, 'roomcast.outbox', parseDrafts);
  const storedLetters = createKept(storage, 'roomcast.letters', parseLetters);
  let saving = false;
  return {
    drafts: storedDrafts.load() ?? [],
    letters: storedLetters.load() ?? [],
    save() {
      if (saving || !storage) return;
      saving = true;
      queueMicrotask(() => {
        saving = false;
        storedDrafts.save(fitting(drafts()));
        storedLetters.save(fitting(letters()));
      });
    },
  };
}

/** The oldest messages go first, so they are the ones to store when there is no room for all. */
function fitting<T>(values: readonly T[]): readonly T[] {
  let chars = 0;
  const end = values.findIndex((value) => {
    chars += JSON.stringify(value).length;
    return chars > MAX_CHARS;
  });
  return end < 0 ? values : values.slice(0, end);
}
