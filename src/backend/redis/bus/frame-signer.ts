import { randomBytes } from 'node:crypto';
import type { RedisCommands } from '../connection/commands.ts';
import { frameKey, senderKey, signFrame, stampText } from './frame-mac.ts';

/** Signs what this worker publishes, so that the others can tell it from what somebody else wrote to Redis. */
export interface FrameSigner {
  sign(channel: string, frame: string | Buffer): string | Buffer;
  /** The last argument of a script that publishes to the channel, see publish-frame.lua. */
  scriptArg(channel: string): string;
}

export interface FrameSignerDeps {
  /** The first one signs. Nothing is signed without any. */
  readonly secrets: readonly string[];
  /** The clock of the server that has the channel; undefined while it is unknown, and nothing can be published. */
  readonly clockMs: (channel: string) => number | undefined;
}

const UNSIGNED: FrameSigner = { sign: (_channel, frame) => frame, scriptArg: () => '' };
const SENDER_BYTES = 9;

export function createFrameSigner({ secrets: [secret], clockMs }: FrameSignerDeps): FrameSigner {
  if (secret === undefined) return UNSIGNED;
  const sender = randomBytes(SENDER_BYTES).toString('base64url');
  const ofSender = senderKey(secret, sender);
  let counter = 0;

  function nextStamp(channel: string): string {
    counter += 1;
    return stampText({ sender, counter, atMs: clockMs(channel) ?? 0 });
  }

  return {
    sign(channel, frame) {
      const stamp = nextStamp(channel);
      return signFrame(frame, frameKey(ofSender, channel, stamp), stamp);
    },
    scriptArg(channel) {
      const stamp = nextStamp(channel);
      return `${stamp} ${frameKey(ofSender, channel, stamp)}`;
    },
  };
}

/** The same commands, which sign what they publish. A script signs what it publishes by itself. */
export function signedCommands(redis: RedisCommands, { sign }: FrameSigner): RedisCommands {
  return { ...redis, publish: (channel, frame) => redis.publish(channel, sign(channel, frame)) };
}
