import type { Gap } from '../../chat/feed.ts';
import type { Entry, Position } from '../../chat/log-store.ts';

const END = Buffer.from('\n\n');

/** A server-sent event with an entry, in the text of the log or another one. */
export function messageFrame({ epoch, seq }: Position, json: string | Buffer): Buffer {
  const head = Buffer.from(`id: ${epoch}:${seq}\nevent: message\ndata: `);
  return Buffer.concat([head, typeof json === 'string' ? Buffer.from(json) : json, END]);
}

export function gapFrame(roomid: string, gap: Gap): Buffer {
  // Numbers of a lost epoch are used again, so the reader stands before them.
  const seq = gap.reason === 'epoch' ? gap.from - 1 : gap.to;
  return Buffer.from(`id: ${gap.epoch}:${seq}\nevent: gap\ndata: ${JSON.stringify({ roomid, ...gap })}\n\n`);
}

/**
 * Builds the frame of a live entry once for all its readers, who get it one after the other: with 500 readers of a room each
 * would have built and encoded it again.
 */
export function createLiveFrames(): (entry: Entry) => Buffer {
  let last: Entry | undefined;
  let frame: Buffer = END;
  return (entry) => {
    if (entry === last) return frame;
    last = entry;
    frame = messageFrame(entry, entry.utf8 ?? entry.json);
    return frame;
  };
}
