import type { Logger } from 'pino';
import type { Entry } from '../../../chat/log-store.ts';
import type { Channel, Listener, RawListener } from './channel.ts';
import { parseFrame, parsePresence, parsePresenceEvent } from './frame.ts';
import type { VerifyFrame } from './frame-verifier.ts';

export interface FrameReceiverDeps {
  readonly channels: ReadonlyMap<string, Channel>;
  readonly verify: VerifyFrame;
  readonly log: Logger;
}

/**
 * Passes each frame that is verified to the listeners of its channel: an entry, a change of presence, or what is the adapter's. One function
 * for all channels, since a closure for each costs more memory than the look-up. A listener that throws is logged here:
 * node-redis would drop the rest of the chunk it is parsing.
 */
export function createFrameReceiver({ channels, verify, log }: FrameReceiverDeps): RawListener {
  function receive(published: Buffer, rawName: Buffer): void {
    const channel = channels.get(rawName.toString());
    if (!channel) return;
    const frame = verify(channel.name, published);
    if (!frame) return;
    const { first, others } = channel;
    const entry = parseFrame(frame);
    if (entry) {
      if (first) passEntry(first, entry);
      if (others) for (const listener of others) passEntry(listener, entry);
      return;
    }
    guarded(channel, () => {
      const presence = parsePresence(frame) ?? parsePresenceEvent(frame);
      if (!presence) channel.onFrame?.(frame, rawName);
      else
        for (const listener of channel.listeners()) guarded(channel, () => listener.onPresence?.(presence));
    });
  }

  function passEntry(listener: Listener, entry: Entry): void {
    try {
      listener.onEntry(entry);
    } catch (error) {
      onFailure(listener.channel, error);
    }
  }

  function guarded(channel: Channel, run: () => void): void {
    try {
      run();
    } catch (error) {
      onFailure(channel, error);
    }
  }

  function onFailure({ name }: Channel, error: unknown): void {
    log.error({ channel: name, err: error }, 'redis: a listener failed');
  }

  return receive;
}
