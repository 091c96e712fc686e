import type { Sized } from '../../../sizes.ts';
import type { OnFrameDropped } from '../../dropped-frames.ts';
import { contentOf, frameKey, isSignedWith, type Signature, senderKey, signatureOf } from './frame-mac.ts';
import { ReplayWindow } from './replay-window.ts';

/** Returns the frame without what only the bus needs, or undefined if it must be dropped. */
export type VerifyFrame = (channel: string, frame: Buffer) => Buffer | undefined;

export interface FrameVerifier {
  readonly verify: VerifyFrame;
}

export interface FrameVerifierDeps {
  /** A frame is good if one of them signed it. Every frame is without any. */
  readonly secrets: readonly string[];
  /** Frames without a signature are good, too: workers that do not sign yet run beside this one. */
  readonly acceptsUnsigned: boolean;
  /** The clock of the server that has the channel, undefined while it is unknown. */
  readonly clockMs: (channel: string) => number | undefined;
  readonly onDropped: OnFrameDropped;
  readonly now?: () => number;
}

/** A frame of another time was kept by somebody. No call, nor a worker that stands still, takes that long. */
export const FRAME_LIFE_MS = 30_000;
/** No frame of a sender is good any longer, so that its window may be forgotten. */
const FORGET_AFTER_MS = 3 * FRAME_LIFE_MS;

class Sender {
  readonly window = new ReplayWindow();
  readonly key: string;

  constructor(key: string) {
    this.key = key;
  }
}

/**
 * Verifies who published a frame, on which channel and when, and that it has not been here before. Nothing that fails changes
 * any state, so that forged frames use no memory.
 */
export function createFrameVerifier(deps: FrameVerifierDeps): FrameVerifier & Sized {
  const { secrets, acceptsUnsigned, clockMs, onDropped, now = () => performance.now() } = deps;
  /** The senders of this time and of the last; who is silent for both is forgotten. */
  let senders = new Map<string, Sender>();
  let earlier = new Map<string, Sender>();
  let turnsAtMs = now() + FORGET_AFTER_MS;

  function known(name: string): Sender | undefined {
    if (now() >= turnsAtMs) {
      earlier = senders;
      senders = new Map();
      turnsAtMs = now() + FORGET_AFTER_MS;
    }
    const sender = senders.get(name);
    if (sender) return sender;
    const silent = earlier.get(name);
    if (silent) senders.set(name, silent);
    return silent;
  }

  function senderOf(channel: string, signature: Signature): Sender | undefined {
    const { sender: name, stamp } = signature;
    const signedBy = (key: string) => isSignedWith(signature, frameKey(key, channel, stamp));
    const sender = known(name);
    if (sender) return signedBy(sender.key) ? sender : undefined;
    for (const secret of secrets) {
      const key = senderKey(secret, name);
      if (signedBy(key)) return new Sender(key);
    }
    return undefined;
  }

  function verify(channel: string, frame: Buffer): Buffer | undefined {
    const signature = signatureOf(frame);
    if (!signature) {
      if (acceptsUnsigned) return frame;
      onDropped('unsigned');
      return undefined;
    }
    const sender = senderOf(channel, signature);
    if (!sender) {
      onDropped('forged');
      return undefined;
    }
    const clock = clockMs(channel);
    if (clock === undefined || Math.abs(signature.atMs - clock) > FRAME_LIFE_MS) {
      onDropped('stale');
      return undefined;
    }
    senders.set(signature.sender, sender);
    if (!sender.window.accept(signature.counter, signature.part)) {
      onDropped('replayed');
      return undefined;
    }
    return contentOf(frame, signature);
  }

  return {
    verify: secrets.length === 0 ? (_channel, frame) => frame : verify,
    sizes: () => ({ senders: senders.size, earlier: earlier.size }),
  };
}
