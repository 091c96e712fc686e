import type { Memory } from './memory.ts';

export interface UnsentCopiesDeps {
  /** Outlives the tab. */
  readonly browser: Memory;
  /** The same after a reload of the tab. */
  readonly tabId: string;
  /** Wall clock in ms: all tabs have the same. */
  readonly now: () => number;
}

/**
 * Copies of what is unsent in each tab of this browser, so that closing the tab does not lose it. A tab says that it is there with every
 * change and by `beat`; the copy of a tab that is gone waits for the next one that has a use for it. Two tabs that take the
 * same one would do no harm: the server stores a message of one clientMsgId once.
 */
export interface UnsentCopies {
  /** Stores the copy of this tab; undefined: it has nothing unsent. */
  store(copy: string | undefined): void;
  /** Call it every 20 s. */
  beat(): void;
  /** The page goes: another tab may take over at once. */
  end(): void;
  /**
   * Shows the copies of tabs that are gone, the newest first, until `take` wants something of one; it returns what is left of
   * that.
   */
  takeOver(take: (copy: string) => { readonly rest: string | undefined } | undefined): void;
}

const COPY = 'roomcast.unsent of ';
const SEEN = 'roomcast.seen of ';
const GONE = 'gone';
/** Browsers let the timers of a hidden tab run once a minute. */
const GONE_AFTER_MS = 150_000;
/** Older copies go. */
const MAX_COPIES = 20;

export function createUnsentCopies({ browser, tabId, now }: UnsentCopiesDeps): UnsentCopies {
  let stored = browser.read(COPY + tabId) !== undefined;

  function drop(id: string): void {
    browser.forget(COPY + id);
    browser.forget(SEEN + id);
  }

  function mark(state = ''): void {
    if (stored) browser.write(SEEN + tabId, `${now()} ${state}`);
  }

  /** The tabs that are gone, the newest first. */
  function goneTabs(): readonly string[] {
    const tabs = browser.keys().filter((key) => key.startsWith(COPY));
    const seen = tabs.map((key) => {
      const id = key.slice(COPY.length);
      const [at = '', state] = (browser.read(SEEN + id) ?? '').split(' ');
      return { id, at: Number(at) || 0, state };
    });
    return seen
      .filter(({ id, at, state }) => id !== tabId && (state === GONE || now() - at > GONE_AFTER_MS))
      .sort((one, other) => other.at - one.at)
      .map(({ id }) => id);
  }

  for (const id of goneTabs().slice(MAX_COPIES)) drop(id);
  mark();
  return {
    store(copy) {
      stored = copy !== undefined;
      if (copy === undefined) drop(tabId);
      else browser.write(COPY + tabId, copy);
      mark();
    },
    beat: () => mark(),
    end: () => mark(GONE),
    takeOver(take) {
      for (const id of goneTabs()) {
        const taken = take(browser.read(COPY + id) ?? '');
        if (!taken) continue;
        if (taken.rest === undefined) drop(id);
        else browser.write(COPY + id, taken.rest);
        return;
      }
    },
  };
}
