import fs from 'node:fs';

/** Takes the lines of a log. It never throws and never waits, but for `flushSync` and `end`. */
export interface LogDestination {
  /** pino sets the level of a line before it writes the line. */
  lastLevel: number;
  readonly [PINO_SETS_LEVEL]: true;
  write(line: string): void;
  /** Writes what waits in this turn. A descriptor that stays busy gets about a second. */
  flushSync(): void;
  /** Flushes, and writes every later line in its own turn: for a process that exits. */
  end(): void;
}

export interface LogDestinationDeps {
  /** An open file, pipe or socket. */
  readonly fd: number;
  /** Lines that find more waiting are dropped: a log that nobody reads must not fill the memory. */
  readonly maxWaitingBytes: number;
  /** Lines from this level on leave at once, beside a write in progress. */
  readonly urgentLevel: number;
  /** Called with the number of lines lost since the start, once lines can be written again. */
  readonly onLost: (lines: number) => void;
}

const PINO_SETS_LEVEL: unique symbol = Symbol.for('pino.metadata') as never;
/** All processes of a host share the pipe, which keeps writes up to this size whole (PIPE_BUF). */
const MAX_WRITE_BYTES = 4_096;
const RETRY_MS = 100;
const FLUSH_PATIENCE_MS = 1_000;
const FLUSH_RETRY_MS = 10;
const NEWLINE = 10;

/**
 * Writes in the background, so that a burst of lines, or a slow reader of the log, does not hold up clients. The first
 * line is written at once, and those that come meanwhile together: the lines of 10,000 connections that ended in one turn
 * were 10,000 system calls in the event loop, and are 900 beside it. A write that fails loses what waits, and nothing
 * else: a full disk or a reader that is gone must not end a server. Later lines try again.
 */
export function createLogDestination(deps: LogDestinationDeps): LogDestination {
  const { fd, maxWaitingBytes, urgentLevel, onLost } = deps;
  const full: Buffer[] = [];
  /** The lines behind `full`. */
  let tail = '';
  let tailBytes = 0;
  /** What waits or is being written. */
  let heldBytes = 0;
  let inProgress = 0;
  let pausing = false;
  let exiting = false;
  let lost = 0;
  let lostReported = 0;
  /** Part of a line was written and the rest lost. */
  let lineIsOpen = false;

  function take(): Buffer | undefined {
    const first = full.shift();
    if (first || tail === '') return first;
    const last = Buffer.from(tail);
    tail = '';
    tailBytes = 0;
    return last;
  }

  function startWriting(): void {
    const chunk = take();
    if (!chunk) return;
    inProgress += 1;
    writeOn(chunk);
  }

  function writeOn(chunk: Buffer): void {
    fs.write(fd, chunk, (error, written) => {
      const rest = error ? chunk : restAfter(chunk, written);
      if (rest.length > 0 && !error) return writeOn(rest);
      inProgress -= 1;
      if (error && isBusy(error)) {
        full.unshift(rest);
        pause();
      } else if (error) {
        lose(rest);
      } else {
        if (inProgress === 0) startWriting();
        reportLost();
      }
    });
  }

  function restAfter(chunk: Buffer, bytes: number): Buffer {
    heldBytes -= bytes;
    if (bytes > 0) lineIsOpen = chunk[bytes - 1] !== NEWLINE;
    return chunk.subarray(bytes);
  }

  function pause(): void {
    if (pausing) return;
    pausing = true;
    // The timer must not keep the process alive: what waits at the exit is flushed.
    setTimeout(() => {
      pausing = false;
      if (inProgress === 0) startWriting();
    }, RETRY_MS).unref();
  }

  /** Drops a chunk and all that waits behind it. */
  function lose(chunk: Buffer): void {
    for (let next: Buffer | undefined = chunk; next; next = take()) {
      heldBytes -= next.length;
      lost += linesIn(next);
    }
  }

  function reportLost(): void {
    if (lost === lostReported || (heldBytes > 0 && !exiting)) return;
    lostReported = lost;
    onLost(lost);
  }

  function flushSync(): void {
    const giveUpAt = performance.now() + FLUSH_PATIENCE_MS;
    for (let chunk = take(); chunk; chunk = chunk.length > 0 ? chunk : take()) {
      try {
        chunk = restAfter(chunk, fs.writeSync(fd, chunk));
      } catch (error) {
        if (!isBusy(error) || performance.now() > giveUpAt) {
          lose(chunk);
          return;
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FLUSH_RETRY_MS);
      }
    }
    reportLost();
  }

  const destination: LogDestination = {
    lastLevel: 0,
    [PINO_SETS_LEVEL]: true,
    write(given) {
      const line = lineIsOpen && heldBytes === 0 ? `\n${given}` : given;
      const bytes = Buffer.byteLength(line);
      if (heldBytes + bytes > maxWaitingBytes) {
        lost += 1;
        return;
      }
      heldBytes += bytes;
      if (tail !== '' && tailBytes + bytes > MAX_WRITE_BYTES) {
        full.push(Buffer.from(tail));
        tail = '';
        tailBytes = 0;
      }
      tail += line;
      tailBytes += bytes;
      if (exiting) return flushSync();
      const isUrgent = destination.lastLevel >= urgentLevel;
      if (!pausing && inProgress < (isUrgent ? 2 : 1)) startWriting();
    },
    flushSync,
    end() {
      exiting = true;
      flushSync();
    },
  };
  return destination;
}

function isBusy(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EAGAIN' || code === 'EBUSY';
}

/** A newline at the beginning ends a line that was lost before. */
function linesIn(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf(NEWLINE, 1); at > 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}
