import { type DirectMessage, parseDirectMessages } from './direct-messages.ts';
import { type Draft, parseDrafts } from './drafts.ts';
import { type ClientStorage, createStoredValue } from './storage.ts';

export interface UnsentStorageDeps {
  readonly storage: ClientStorage | undefined;
  readonly drafts: () => readonly Draft[];
  readonly directMessages: () => readonly DirectMessage[];
}

/** Stores messages without an ack for the next run. */
export interface UnsentStorage {
  /** Messages that an earlier run left. */
  readonly drafts: readonly Draft[];
  readonly directMessages: readonly DirectMessage[];
  /** Stores everything at the end of this turn: a burst of messages is written once. */
  save(): void;
}

/** For each of the two lists. Browsers give 5 MB, in units of two bytes, to all pages of one origin. */
const MAX_CHARS = 500_000;

export function createUnsentStorage({
  storage,
  drafts,
  directMessages: messages,
}: UnsentStorageDeps): UnsentStorage {
  const storedDrafts = createStoredValue(storage, 'roomcast.outbox', parseDrafts);
  // An old name: storages out there hold messages under it.
  const storedDirectMessages = createStoredValue(storage, 'roomcast.letters', parseDirectMessages);
  let saving = false;
  return {
    drafts: storedDrafts.load() ?? [],
    directMessages: storedDirectMessages.load() ?? [],
    save() {
      if (saving || !storage) return;
      saving = true;
      queueMicrotask(() => {
        saving = false;
        storedDrafts.save(fitting(drafts()));
        storedDirectMessages.save(fitting(messages()));
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
