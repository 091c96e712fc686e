import { expect } from 'vitest';
import type { ClientOptions, PersistentRoom } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import type { Chatter } from './chatter.ts';
import type { Step } from './fake-chat.ts';
import { stageForEach } from './stage.ts';

/** The server answers nothing. */
export const silence: Step = () => undefined;

export interface Screen extends Chatter {
  readonly room: PersistentRoom;
  /** Each `refused`: its code, and whether the room is joined again by itself. */
  readonly refusals: string[];
}

/** A fake server for each test, and clients that keep the room "tea" open. */
export function screenForEach() {
  const { fake, chatter } = stageForEach();

  function screen(options: ClientOptions = {}): Screen {
    const one = chatter(options);
    const room = one.chat.enter('tea');
    const refusals: string[] = [];
    room.on('refused', ({ code }, retryInMs) =>
      refusals.push(`${code}${retryInMs === undefined ? '' : ' for now'}`),
    );
    return { ...one, room, refusals };
  }

  return {
    fake,
    chatter,
    screen,
    texts: ({ room }: Screen) => room.unsent.map(({ text }) => text),
    logged: () =>
      fake()
        .room('tea')
        .log.map((entry) => (entry.event === 'broadcast_say' ? entry.data.text : entry)),
    joined: (one: Screen) => eventually(() => expect(one.room.joined).toBeDefined()),
  };
}
