import { expect, it } from 'vitest';
import type { ChatMessage } from '../../../src/protocol/rooms.ts';
import { deletionOf, messageOf, messagesOf, tombstoneOf } from '../../../src/server/delivery/messages.ts';

const room = { roomid: 'tea' };

function entry(seq: number, members: string) {
  return { epoch: 'e', seq, json: `{"seq":${seq},"epoch":"e","id":"i${seq}","at":${seq},${members}}` };
}

function said(seq: number) {
  const data = { username: 'Ann', userId: 'ann', text: `secret ${seq}`, type: 0 };
  const message = { event: 'broadcast_say', ...room, clientMsgId: 'c', data };
  return entry(seq, JSON.stringify(message).slice(1, -1));
}

it('a joiner gets no text that was deleted between the page and the answer, as later readers', () => {
  const since = [entry(4, deletionOf(room, 2)), said(5), entry(6, deletionOf(room, 5)), said(7)];
  const shown = messagesOf([said(2), said(3), ...since]);
  const later = [
    entry(2, tombstoneOf(messageOf(said(2)) as ChatMessage)),
    said(3),
    since[0],
    entry(5, tombstoneOf(messageOf(said(5)) as ChatMessage)),
    since[2],
    said(7),
  ];
  expect(shown).toEqual(later.map((one) => JSON.parse(one?.json ?? '')));
  expect(JSON.stringify(shown)).not.toMatch(/secret [25]/);
});
