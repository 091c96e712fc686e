import type { Socket } from 'node:net';

/*
 * All that is called of Node's own private members stands here and nowhere else.
 */

/**
 * Writes to a stream as its `write` does, in one order with it, without the objects that makes for each write: a tenth of
 * what a small write costs. Bytes the system does not take at once wait in the stream's handle.
 */
export interface StreamWrites {
  /** What a write needs of the stream, found once: to a thousand streams that is half of what is not the system's. */
  pathTo(stream: Socket): StreamPath;
}

export interface StreamPath {
  write(bytes: Buffer): void;
}

interface WriteRequest {
  stream?: Socket;
  /** Held here until it is written. */
  buffer?: Buffer;
  oncomplete: (this: WriteRequest, status: number) => void;
  /** -1 while no write is attached to it. */
  getAsyncId(): number;
}

interface Handle {
  /** 0, or the system's error: then nothing was written. */
  writeBuffer(request: WriteRequest | null, bytes: Buffer): number;
}

type PrivateStream = Socket & {
  readonly _handle?: Handle | null;
  /** `length`: as `writableLength`. */
  readonly _writableState?: { readonly length: number };
};

const UNATTACHED = -1;

/**
 * One request for all paths, as long as the system takes each write at once: then Node attaches nothing to it. A write that
 * the system took in part owns its request until `oncomplete`, and a request that is attached twice aborts the process. Only
 * the request itself tells: `writeQueueSize` is 0 as soon as libuv has passed on the rest, before it calls back.
 */
class Requests {
  /**
   * Learned from Node's first own write: there is no other way to the class. Null: this Node (24.22 and 26 do) passes no
   * request and makes one itself only for a write that has to wait, so there is nothing to save.
   */
  private Request: (new () => WriteRequest) | null | undefined;
  private free: WriteRequest | undefined;

  /** False: Node has to write by itself. */
  write(stream: Socket, handle: Handle, bytes: Buffer): boolean {
    if (this.Request === undefined) return this.learn(stream, handle, bytes);
    if (this.Request === null) return false;
    this.free ??= Object.assign(new this.Request(), { oncomplete: onComplete });
    const request = this.free;
    request.stream = stream;
    request.buffer = bytes;
    const status = handle.writeBuffer(request, bytes);
    if (request.getAsyncId() !== UNATTACHED) this.free = undefined;
    return status === 0;
  }

  private learn(stream: Socket, handle: Handle, bytes: Buffer): boolean {
    const { writeBuffer } = handle;
    handle.writeBuffer = (request, first) => {
      this.Request = request && (request.constructor as new () => WriteRequest);
      return writeBuffer.call(handle, request, first);
    };
    stream.write(bytes);
    Reflect.deleteProperty(handle, 'writeBuffer');
    return true;
  }
}

class Path implements StreamPath {
  private readonly requests: Requests;
  private readonly stream: Socket;
  private readonly handle: Handle | undefined;
  private readonly state: { readonly length: number } | undefined;

  constructor(requests: Requests, stream: Socket) {
    const { _handle: handle, _writableState: state } = stream as PrivateStream;
    this.requests = requests;
    this.stream = stream;
    this.handle = handle ?? undefined;
    this.state = state;
  }

  write(bytes: Buffer): void {
    const { handle, state, stream } = this;
    // What waits in the stream goes first. A handle that was closed says so: the stream meets the same error, and ends by it.
    const atOnce = handle && state && state.length === 0 && this.requests.write(stream, handle, bytes);
    if (!atOnce) stream.write(bytes);
  }
}

export function createStreamWrites(): StreamWrites {
  const requests = new Requests();
  return { pathTo: (stream) => new Path(requests, stream) };
}

function onComplete(this: WriteRequest, status: number): void {
  if (status < 0) this.stream?.destroy();
  delete this.stream;
  delete this.buffer;
}
