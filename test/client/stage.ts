import { afterEach, beforeEach } from 'vitest';
import type { ChatClient, ClientOptions } from '../../src/client/index.ts';
import { type Chatter, openChatter } from './chatter.ts';
import { type FakeChat, openFakeChat } from './fake-chat.ts';

export interface Stage {
  /** The running test's own server. */
  readonly fake: () => FakeChat;
  chatter(options?: ClientOptions): Chatter;
  /** Closes it with the test. */
  closeLater(chat: ChatClient): void;
}

/** A fake server for every test of the file; its clients end with it. */
export function stageForEach(): Stage {
  let fake: FakeChat;
  const open: ChatClient[] = [];
  beforeEach(async () => {
    fake = await openFakeChat();
  });
  afterEach(async () => {
    for (const chat of open.splice(0)) chat.close();
    await fake.close();
  });
  const closeLater = (chat: ChatClient) => void open.push(chat);
  return {
    fake: () => fake,
    chatter(options) {
      const one = openChatter(fake.url, options);
      closeLater(one.chat);
      return one;
    },
    closeLater,
  };
}
