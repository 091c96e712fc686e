/** The reasons to drop a frame of the bus: see redis/bus/frame-verifier.ts. */
export const DROPPED_FRAMES = [
  /** It has no signature. */
  'unsigned',
  /** No secret of BUS_SECRET signed it for that channel. */
  'forged',
  /** It was signed at another time. */
  'stale',
  /** It has been here before. */
  'replayed',
] as const;

export type DroppedFrame = (typeof DROPPED_FRAMES)[number];

export type OnFrameDropped = (why: DroppedFrame) => void;
