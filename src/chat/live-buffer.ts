import type { Entry } from './log-store.ts';

/** Joins that overlap without end must not buffer a room's whole day. */
const MAX_BUFFERED = 2_000;

/** The entries that a feed delivers while pages of its room are read; it exists while a page is being read. */
export class LiveBuffer {
  readers = 0;
  entries: Entry[] = [];
  /** Entries before this number are no longer in the buffer. */
  completeFrom = 0;

  append(entry: Entry): void {
    this.entries.push(entry);
    if (this.entries.length <= MAX_BUFFERED) return;
    this.entries = this.entries.slice(MAX_BUFFERED / 2);
    this.completeFrom = this.entries[0]?.seq ?? 0;
  }
}
