import { expect, it } from 'vitest';
import { type ChatClient, ClientError } from '../../../src/client/index.ts';
import { createBlockList } from '../../../src/page/session/block-list.ts';
import { eventually } from '../../support/eventually.ts';
import { hello } from '../room/chat-events.ts';

/** A server whose lists are answered by the test, and which the person is known to as `me`. */
function open({ refusal }: { refusal?: ClientError } = {}) {
  const asked: string[] = [];
  const lists: ((answer: readonly string[] | ClientError) => void)[] = [];
  let greet: (id: string) => void = () => undefined;
  const change = (name: string) => async (userId: string) => {
    asked.push(`${name} ${userId}`);
    if (refusal) throw refusal;
  };
  const chat = {
    blocks: {
      add: change('add'),
      remove: change('remove'),
      list: () =>
        new Promise<readonly string[]>((resolve, reject) =>
          lists.push((answer) => (answer instanceof ClientError ? reject(answer) : resolve(answer))),
        ),
    },
    on(_hello: 'hello', listener: (told: ReturnType<typeof hello>) => void) {
      greet = (id) => listener(hello({ user: { id, name: id } }));
      return () => undefined;
    },
  };
  const blocks = createBlockList({
    chat: chat as Pick<ChatClient, 'blocks' | 'on'>,
    nextFrame: (run) => run(),
  });
  greet('me');
  const shown = () => {
    const userIds = blocks.userIds.get();
    return userIds && [...userIds].sort();
  };
  return { asked, lists, blocks, greet, shown };
}

async function loaded(...userIds: string[]) {
  const page = open();
  const reading = page.blocks.load();
  page.lists[0]?.(userIds);
  await reading;
  return page;
}

it('blocks and unblocks, once the server has told who is blocked', async () => {
  const { asked, blocks, shown } = await loaded('ann');
  expect(shown()).toEqual(['ann']);
  await blocks.set('ben', true);
  expect(shown()).toEqual(['ann', 'ben']);
  await blocks.set('ann', false);
  expect(shown()).toEqual(['ben']);
  expect(asked).toEqual(['add ben', 'remove ann']);
});

it('changes nothing when the server refuses, or does not tell', async () => {
  const refusal = new ClientError('limit', 'userId: at most 1000 users can be blocked');
  const { lists, blocks, shown } = open({ refusal });
  const first = blocks.load();
  lists[0]?.(new ClientError('unavailable', 'the store is away', true));
  await first;
  expect(shown()).toBeUndefined();
  const second = blocks.load();
  lists[1]?.([]);
  await second;
  await expect(blocks.set('ben', true)).rejects.toBe(refusal);
  expect(shown()).toEqual([]);
});

it('keeps a change that a list from before it lacks', async () => {
  const { lists, blocks, shown } = await loaded();
  const again = blocks.load();
  await blocks.set('ben', true);
  lists[1]?.([]);
  await again;
  expect(shown()).toEqual(['ben']);
});

it('forgets the list of another user, and reads the new one', async () => {
  const { lists, greet, shown } = await loaded('ann');
  greet('me');
  expect([lists.length, shown()]).toEqual([1, ['ann']]);
  greet('other');
  expect(shown()).toBeUndefined();
  lists[1]?.(['cleo']);
  await eventually(() => expect(shown()).toEqual(['cleo']));
});
