import type { Channel } from './channel.ts';

export interface LostChannels {
  add(channel: Channel): void;
  /** Messages of the channel arrive again. */
  onBack(channel: Channel): void;
  /** Nobody waits for the channel here any more. */
  forget(channel: Channel): void;
  /** Messages of other channels may have been missed, too: calls `onAllBack` once no channel is lost. */
  missed(): void;
}

/** Channels whose messages may have been missed. `onAllBack` is called once for all of them, when the last is back. */
export function createLostChannels(onAllBack: () => void): LostChannels {
  let count = 0;
  let missed = false;

  function remove(channel: Channel): void {
    if (!channel.missed) return;
    channel.missed = false;
    count -= 1;
  }

  function callIfAllBack(): void {
    if (count > 0 || !missed) return;
    missed = false;
    onAllBack();
  }

  return {
    add(channel) {
      if (channel.missed || !channel.wanted()) return;
      channel.missed = true;
      count += 1;
    },
    onBack(channel) {
      if (channel.missed) missed = true;
      remove(channel);
      callIfAllBack();
    },
    forget(channel) {
      remove(channel);
      callIfAllBack();
    },
    missed() {
      missed = true;
      callIfAllBack();
    },
  };
}
