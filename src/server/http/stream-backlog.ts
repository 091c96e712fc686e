import type { Sized } from '../../sizes.ts';
/** A stream whose reader may be slower than its events. */
export interface BackloggedStream {
  /** Bytes that are written and not taken yet. */
  backlogBytes(): number;
  /** Ends it at once. */
  cut(): void;
}

/** The bytes that wait for all streams of a worker together. */
export interface StreamBacklog {
  add(stream: BackloggedStream): void;
  remove(stream: BackloggedStream): void;
  /** So many bytes were written to one of them. Beyond the bound, the streams that are furthest behind are cut. */
  wrote(bytes: number): void;
}

/**
 * A bound for each stream alone would let a thousand slow readers fill the memory together. What is written is added up, and
 * counted anew once the sum is beyond the bound: readers that keep up cost one addition per event.
 */
export function createStreamBacklog(maxBytes: number): StreamBacklog & Sized {
  const streams = new Set<BackloggedStream>();
  let mostBytes = 0;

  function recount(): void {
    const behind = Array.from(streams, (stream) => ({ stream, bytes: stream.backlogBytes() }));
    behind.sort((one, other) => other.bytes - one.bytes);
    mostBytes = behind.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { stream, bytes } of behind) {
      if (mostBytes <= maxBytes) return;
      stream.cut();
      mostBytes -= bytes;
    }
  }

  return {
    sizes: () => ({ streams: streams.size }),
    add: (stream) => void streams.add(stream),
    remove: (stream) => void streams.delete(stream),
    wrote(bytes) {
      mostBytes += bytes;
      if (mostBytes > maxBytes) recount();
    },
  };
}
