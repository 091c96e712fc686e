import type { Memory } from './memory.ts';
import { createUnsentCopies, type UnsentCopies } from './unsent-copies.ts';

const TAB_KEY = 'roomcast.tab';
const BEAT_MS = 20_000;

/** The copies of unsent text as this tab keeps them, until it is closed. */
export function openUnsentCopies(browser: Memory, tab: Memory): UnsentCopies {
  const tabId = tab.read(TAB_KEY) ?? crypto.getRandomValues(new Uint32Array(2)).join('-');
  tab.write(TAB_KEY, tabId);
  const copies = createUnsentCopies({ browser, tabId, now: Date.now });
  setInterval(copies.beat, BEAT_MS);
  addEventListener('pagehide', copies.end);
  // The browser may show the same page again when the reader goes back.
  addEventListener('pageshow', copies.beat);
  return copies;
}
