import { type Bucket, createBucket, type Rate } from '../../chat/rate-limit.ts';

/*
 * Bounds on WebSocket frames that never become a packet, which connection-limits.ts would count. A turn of the event loop reads up
 * to 2 MiB of a connection. That is room for 350,000 pings, each of which ws answers with a write, or for 300,000 fragments of
 * one byte.
 */

/** Engine.IO's own heartbeats are packets. A library that pings beside them does so every few seconds. */
export const CONTROL_FRAMES: Rate = { perMs: 1 / 1_000, burst: 60 };
/** Libraries cut a message into fragments of 4 KiB and more, and the largest packet has 1.2 MB. */
export const MAX_FRAGMENTS = 512;

/**
 * The options of ws that the bounds need. Its own answers to pings go on after the end, for the rest of what was read, and each makes
 * an error with a stack trace: 64 KiB of pings took a tenth of a second.
 */
export const FRAME_OPTIONS = { maxFragments: MAX_FRAGMENTS, autoPong: false } as const;

/** The part of a WebSocket of ws that the bounds need. */
export interface FramedSocket {
  on(event: 'ping' | 'pong', listener: (this: FramedSocket, data: Buffer) => void): unknown;
  off(event: 'ping' | 'pong', listener: (this: FramedSocket, data: Buffer) => void): unknown;
  pong(data: Buffer): void;
  terminate(): void;
}

/** A property, as the budgets of connections are. A socket without such frames has none. */
const BUCKET = Symbol('control frames');
type CountedSocket = FramedSocket & { [BUCKET]?: Bucket };

const now = () => performance.now();

/** Answers pings, and ends a WebSocket that pings, or answers pings which nobody sent, more often than any client does. */
export function limitControlFrames(socket: FramedSocket): void {
  socket.on('ping', answer);
  socket.on('pong', count);
}

// One function for all sockets saves a closure for each.
function answer(this: CountedSocket, data: Buffer): void {
  if (mayGoOn(this)) this.pong(data);
}

function count(this: CountedSocket): void {
  mayGoOn(this);
}

function mayGoOn(socket: CountedSocket): boolean {
  socket[BUCKET] ??= createBucket(CONTROL_FRAMES, now);
  if (socket[BUCKET].take() === 0) return true;
  // Frames that were read before the end are still parsed.
  socket.off('ping', answer);
  socket.off('pong', count);
  socket.terminate();
  return false;
}
