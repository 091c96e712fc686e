import { closeSync, createWriteStream, fsync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { promisify } from 'node:util';
import type { HistoryRecord } from './history.ts';

/** Records on disk, one JSON object per line: a run of millions fits no process that also plays the clients. */
export interface Journal {
  write(record: HistoryRecord): void;
  /** Answers when everything is on disk. */
  close(): Promise<void>;
}

export async function openJournal(path: string): Promise<Journal> {
  const stream = createWriteStream(path, { flags: 'a', highWaterMark: 1 << 20 });
  const fd = await new Promise<number>((resolve, reject) => {
    stream.once('open', resolve).once('error', reject);
  });
  let failure: Error | undefined;
  stream.on('error', (error) => {
    failure = error;
  });
  return {
    write(record) {
      stream.write(`${JSON.stringify(record)}\n`);
    },
    async close() {
      await new Promise<void>((resolve) => stream.write('', () => resolve()));
      if (failure) throw failure;
      await promisify(fsync)(fd);
      await new Promise<void>((resolve, reject) => stream.once('error', reject).end(resolve));
    },
  };
}

/**
 * One file after the other, as often as it is asked for, a block at a time. A last line without its end was
 * being written when the process died: it is left out. Any other line that is no JSON throws.
 */
export function readJournals(paths: readonly string[]): Iterable<HistoryRecord> {
  return {
    *[Symbol.iterator]() {
      for (const path of paths) yield* readJournal(path);
    },
  };
}

function* readJournal(path: string): Generator<HistoryRecord> {
  const fd = openSync(path, 'r');
  try {
    const block = Buffer.allocUnsafe(1 << 18);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for (let size = readSync(fd, block); size > 0; size = readSync(fd, block)) {
      const lines = (rest + decoder.write(block.subarray(0, size))).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as HistoryRecord;
    }
  } finally {
    closeSync(fd);
  }
}
