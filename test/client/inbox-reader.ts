import type { ChatClient, ClientOptions, InboxItem } from '../../src/client/index.ts';
import type { Item } from '../../src/protocol/people.ts';
import type { Chatter } from './chatter.ts';
import type { FakeInbox } from './fake-inbox.ts';
import type { Stage } from './stage.ts';

/** Everything that the listeners of an inbox received. */
export interface Received {
  readonly items: InboxItem[];
  /** `source data`, with a star for unread items. */
  readonly lines: string[];
}

export function receive(chat: ChatClient): Received {
  const received: Received = { items: [], lines: [] };
  chat.on('item', (item, { source, unread }) => {
    received.items.push(item);
    received.lines.push(`${source} ${item.data}${unread ? '*' : ''}`);
  });
  return received;
}

/** The inbox of `ada`, from both sides. */
export function inboxOf({ fake, chatter }: Pick<Stage, 'fake' | 'chatter'>) {
  return {
    /** A client that is connected and has received its items. */
    async reader(options?: ClientOptions): Promise<Received & Pick<Chatter, 'chat' | 'errors'>> {
      const { chat, errors } = chatter(options);
      const received = receive(chat);
      await chat.inbox.list();
      return { chat, errors, ...received };
    },
    inbox: (): FakeInbox => fake().people.inbox('ada'),
    keep: (data: unknown, more?: Partial<Item>) => fake().people.keep('ada', data, more),
    bring: (data: unknown, more?: Partial<Item>) => fake().people.bring('ada', data, more),
    /** The inbox positions of all handshakes. */
    positions: () => fake().auths.map(({ inbox }) => inbox),
    receipts: () =>
      fake()
        .ask('inbox:ack')
        .map(({ payload }) => payload.recv),
  };
}
