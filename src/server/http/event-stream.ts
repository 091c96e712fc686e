import type { ServerResponse } from 'node:http';
import type { Gap } from '../../chat/feed.ts';
import type { Position } from '../../chat/log-store.ts';

export interface EventStreamDeps {
  /** The most bytes that may wait for the reader before it is cut off. */
  readonly maxBufferedBytes: number;
  readonly onClose: () => void;
}

/**
 * One reader's stream of server-sent events. Events that are written before `start` wait for it.
 *
 * Each event carries the position after it as its id, a gap too: a reader that returns with its last id gets the following
 * events once.
 */
export interface EventStream {
  start(response: ServerResponse): void;
  /** Writes a position without an event, so that a reader that has received nothing yet can resume too. */
  begin(position: Position): void;
  message(position: Position, json: string): void;
  gap(roomid: string, gap: Gap): void;
  /** Keeps proxies from considering the connection dead. */
  comment(): void;
  /** Resolves once the reader has taken everything, or is gone. */
  drained(): Promise<void>;
  /** Ends the stream; the reader comes back after `retryMs`. */
  end(reason: string, retryMs: number): void;
  readonly closed: boolean;
}

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // nginx would gather events until its buffer is full.
  'X-Accel-Buffering': 'no',
  // The reader's next request must not come to a worker that has stopped listening.
  Connection: 'close',
};

export function createEventStream({ maxBufferedBytes, onClose }: EventStreamDeps): EventStream {
  let response: ServerResponse | undefined;
  let waiting = '';
  let closed = false;

  function close(): void {
    if (closed) return;
    closed = true;
    waiting = '';
    onClose();
  }

  function write(text: string): void {
    if (closed) return;
    if (response) response.write(text);
    else waiting += text;
  }

  function live(text: string): void {
    write(text);
    if (response && !closed && response.writableLength > maxBufferedBytes) {
      // The reader is too slow: it resumes with the last id that it has read.
      response.destroy();
      close();
    }
  }

  return {
    start(given) {
      response = given;
      if (given.destroyed || given.socket?.destroyed) close();
      if (closed) return void given.destroy();
      given.on('close', close);
      given.on('error', close);
      given.writeHead(200, HEADERS);
      given.write(waiting || ':\n\n');
      waiting = '';
    },
    begin: ({ epoch, seq }) => write(`id: ${epoch}:${seq}\n\n`),
    message: ({ epoch, seq }, json) => live(`id: ${epoch}:${seq}\nevent: message\ndata: ${json}\n\n`),
    gap(roomid, gap) {
      // Numbers of a lost epoch are used again, so the reader stands before them.
      const seq = gap.reason === 'epoch' ? gap.from - 1 : gap.to;
      live(`id: ${gap.epoch}:${seq}\nevent: gap\ndata: ${JSON.stringify({ roomid, ...gap })}\n\n`);
    },
    comment: () => live(':\n\n'),
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
        taken.write(':\n\n', arrive);
      });
    },
    end(reason, retryMs) {
      if (closed) return;
      write(`retry: ${Math.round(retryMs)}\n: ${reason}\n\n`);
      const ended = response;
      close();
      ended?.end();
    },
    get closed() {
      return closed;
    },
  };
}
