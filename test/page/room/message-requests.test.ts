import { expect, it } from 'vitest';
import { ClientError } from '../../../src/client/index.ts';
import { reduceChat } from '../../../src/page/room/chat-reducer.ts';
import { createMessageRequests } from '../../../src/page/room/message-requests.ts';
import { createStore } from '../../../src/page/ui/store.ts';
import { eventually } from '../../support/eventually.ts';
import { inRoom, said } from './chat-events.ts';

const ACK = { roomid: 'lobby', epoch: 'e1', seq: 9, id: 'm9', at: 1_009 };

/** A room with one message that two people have reacted to. */
function open(failure?: ClientError) {
  const asked: unknown[][] = [];
  const answer = (...call: unknown[]) => {
    asked.push(call);
    return failure ? Promise.reject(failure) : Promise.resolve(ACK);
  };
  const message = said(1, { reactions: [{ reaction: '👍', count: 2, users: ['a', 'g-me'] }] });
  const store = createStore({ initial: inRoom([message]), reduce: reduceChat, nextFrame: () => undefined });
  const requests = createMessageRequests({
    room: {
      edit: (...call) => answer('edit', ...call),
      delete: (...call) => answer('delete', ...call),
      react: (...call) => answer('react', ...call),
    },
    store,
    problemOf: ({ code, message: words }) => ({ code, message: words }),
  });
  return { asked, store, requests };
}

it('edits and deletes', () => {
  const { asked, requests } = open();
  requests.request({ kind: 'edit', seq: 1, text: 'better' });
  requests.request({ kind: 'delete', seq: 1 });
  expect(asked).toEqual([
    ['edit', 1, { text: 'better' }],
    ['delete', 1],
  ]);
});

it('takes a reaction of the reader’s own back, and adds others', async () => {
  const { asked, store, requests } = open();
  requests.react(1, '👍');
  requests.react(1, '🎉');
  expect(asked).toEqual([
    ['react', 1, '👍', false],
    ['react', 1, '🎉', true],
  ]);
  await eventually(() => expect(store.get().ownReactions.get('1:🎉')).toBe(true));
  requests.react(1, '👍');
  expect(asked.at(-1)).toEqual(['react', 1, '👍', true]);
});

it('keeps what failed until it is repeated or forgotten', async () => {
  const { store, requests } = open(new ClientError('not_found', 'seq: no such message'));
  const request = { kind: 'delete', seq: 1 } as const;
  requests.request(request);
  const failed = { request, problem: { code: 'not_found', message: 'seq: no such message' } };
  await eventually(() => expect(store.get().failed).toEqual(failed));
  requests.request(request);
  expect(store.get().failed).toBeUndefined();
  await eventually(() => expect(store.get().failed).toEqual(failed));
  requests.forgetFailure();
  expect(store.get().failed).toBeUndefined();
});
