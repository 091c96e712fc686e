import type { ServerResponse } from 'node:http';
import type { Position } from '../../chat/log-store.ts';
import { MEDIA, STREAM_HEADERS } from './answer-kinds.ts';
import type { BackloggedStream } from './stream-backlog.ts';

export interface EventStreamDeps {
  /** The most bytes that may wait for the reader before it is cut off. */
  readonly maxBufferedBytes: number;
  readonly onWritten: (bytes: number) => void;
  readonly onClose: () => void;
}

/**
 * One reader's stream of server-sent events. Events that are written before `start` wait for it.
 *
 * Each event carries the position after it as its id, a gap too: a reader that returns with its last id gets the following
 * events once.
 */
export interface EventStream extends BackloggedStream {
  start(response: ServerResponse): void;
  /** Writes a position without an event, so that a reader that has received nothing yet can resume too. */
  begin(position: Position): void;
  /** Writes an event, see event-frames.ts. */
  event(frame: Buffer): void;
  /** Keeps proxies from considering the connection dead. */
  comment(): void;
  /** Resolves once the reader has taken everything, or is gone. */
  drained(): Promise<void>;
  /** Ends the stream; the reader comes back after `retryMs`. */
  end(reason: string, retryMs: number): void;
  readonly closed: boolean;
}

const HEADERS = {
  ...STREAM_HEADERS,
  'Content-Type': `${MEDIA.events}; charset=utf-8`,
  // nginx would gather events until its buffer is full.
  'X-Accel-Buffering': 'no',
  // The reader's next request must not come to a worker that has stopped listening.
  Connection: 'close',
};

const COMMENT = Buffer.from(':\n\n');

export function createEventStream(deps: EventStreamDeps): EventStream {
  const { maxBufferedBytes, onWritten, onClose } = deps;
  let response: ServerResponse | undefined;
  let waiting: Buffer[] = [];
  let closed = false;

  function close(): void {
    if (closed) return;
    closed = true;
    waiting = [];
    onClose();
  }

  function write(bytes: Buffer): void {
    if (closed) return;
    if (response) response.write(bytes);
    else waiting.push(bytes);
    onWritten(bytes.length);
  }

  function live(bytes: Buffer): void {
    write(bytes);
    if (response && !closed && response.writableLength > maxBufferedBytes) cut();
  }

  /** The reader is too slow: it resumes with the last id that it has read. */
  function cut(): void {
    response?.destroy();
    close();
  }

  return {
    start(given) {
      response = given;
      if (given.destroyed || given.socket?.destroyed) close();
      if (closed) return void given.destroy();
      given.on('close', close);
      given.on('error', close);
      given.writeHead(200, HEADERS);
      given.write(waiting.length > 0 ? Buffer.concat(waiting) : COMMENT);
      waiting = [];
    },
    begin: ({ epoch, seq }) => write(Buffer.from(`id: ${epoch}:${seq}\n\n`)),
    event: live,
    comment: () => live(COMMENT),
    backlogBytes: () => response?.writableLength ?? waiting.reduce((sum, { length }) => sum + length, 0),
    cut,
    drained() {
      const taken = response;
      if (closed || !taken || taken.writableLength === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const arrive = () => {
          taken.off('close', arrive);
          resolve();
        };
        taken.on('close', arrive);
        // Node's `drain` comes only beyond its own limit, which may be above ours: the last write tells when it has left.
        taken.write(COMMENT, arrive);
      });
    },
    end(reason, retryMs) {
      if (closed) return;
      write(Buffer.from(`retry: ${Math.round(retryMs)}\n: ${reason}\n\n`));
      const ended = response;
      close();
      ended?.end();
    },
    get closed() {
      return closed;
    },
  };
}
