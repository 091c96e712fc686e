import type { Channel } from './channel.ts';

export interface LostChannels {
  add(channel: Channel): void;
  /** The channel is back, or nobody wants it any more. */
  remove(channel: Channel): void;
  isEmpty(): boolean;
}

/** Channels whose messages may have been missed. `onBack` is called once for all of them, when the last is back. */
export function createLostChannels(onBack: () => void): LostChannels {
  let count = 0;
  return {
    add(channel) {
      if (channel.missed || !channel.wanted()) return;
      channel.missed = true;
      count += 1;
    },
    remove(channel) {
      if (!channel.missed) return;
      channel.missed = false;
      count -= 1;
      if (count === 0) onBack();
    },
    isEmpty: () => count === 0,
  };
}
