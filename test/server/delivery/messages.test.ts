import { expect, it } from 'vitest';
import { toTombstone } from '../../../src/protocol/deletions.ts';
import type { ChatMessage } from '../../../src/protocol/rooms.ts';
import { messageOf, messagesOf } from '../../../src/server/delivery/messages.ts';

const room = { roomid: 'tea' };

function entry(seq: number, members: string) {
  return { epoch: 'e', seq, json: `{"seq":${seq},"epoch":"e","id":"i${seq}","at":${seq},${members}}` };
}

function said(seq: number) {
  const data = { username: 'Ann', userId: 'ann', text: `secret ${seq}`, type: 0 };
  const message = { event: 'broadcast_say', ...room, clientMsgId: 'c', data };
  return entry(seq, JSON.stringify(message).slice(1, -1));
}

const deletion = (seq: number, ref: number) =>
  entry(seq, JSON.stringify({ event: 'deleted', ...room, ref }).slice(1, -1));

const edit = (seq: number, ref: number, text: string) =>
  entry(seq, JSON.stringify({ event: 'edited', ...room, ref, data: { text } }).slice(1, -1));

it('a joiner gets no text that was deleted between the page and the answer, as later readers', () => {
  const since = [deletion(4, 2), said(5), deletion(6, 5), said(7)];
  const shown = messagesOf([said(2), said(3), ...since]);
  const [first, second] = [said(2), said(5)].map((one) => toTombstone(messageOf(one) as ChatMessage));
  const [deleted, , again] = since.map(messageOf);
  expect(shown).toEqual([first, messageOf(said(3)), deleted, second, again, messageOf(said(7))]);
  expect(JSON.stringify(shown)).not.toMatch(/secret [25]/);
});

it('a joiner gets no text of an edit that was replaced between the page and the answer', () => {
  const page = [said(1), said(2), edit(3, 1, 'secret of one'), edit(4, 2, 'secret of two')];
  const shown = messagesOf([...page, edit(5, 1, 'new one'), deletion(6, 2)]);
  expect(JSON.stringify(shown)).not.toMatch(/secret/);
  expect(shown).toMatchObject([
    { data: { text: 'new one' } },
    { deleted: true },
    { event: 'edited', data: {} },
    { event: 'edited', data: {} },
    { event: 'edited', data: { text: 'new one' } },
    { event: 'deleted' },
  ]);
});
