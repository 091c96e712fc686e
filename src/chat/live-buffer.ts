import type { Entry } from './log-store.ts';

/** Joins that overlap without end must not buffer a room's whole day. */
const MAX_BUFFERED = 2_000;

/** The entries that a feed delivers while pages of its room are read; it exists while a page is being read. */
export class LiveBuffer {
  readers = 0;
  entries: Entry[] = [];
  /** Entries before this number are no longer in the buffer. */
  completeFrom = 0;

  /** The feed goes on at this number: a page that ends before it lacks entries that the feed does not deliver. */
  skipTo(seq: number): void {
    this.entries = [];
    this.completeFrom = seq;
  }

  append(entry: Entry): void {
    this.entries.push(entry);
    if (this.entries.length <= MAX_BUFFERED) return;
    this.entries = this.entries.slice(MAX_BUFFERED / 2);
    this.completeFrom = this.entries[0]?.seq ?? 0;
  }
}
