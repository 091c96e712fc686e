import { expect, it } from 'vitest';
import { messageOf, quoteOf } from '../../../src/page/room/quotes.ts';
import type { SaidRow } from '../../../src/page/room/rows.ts';
import { saidEntry } from '../../../src/page/room/timeline.ts';
import { rowsOf, said } from './chat-events.ts';

const ME = { userId: 'g-me', username: 'Mia' };
const reply = said(5, { replyTo: 2 });
const row = rowsOf([saidEntry(reply)], [], ME)[0] as SaidRow;

it('has the message that a reply answers', () => {
  const target = said(2);
  expect(quoteOf(row, [saidEntry(target)])).toEqual({ seq: 2, message: target });
});

it('has the number only of a message that is not loaded', () => {
  expect(quoteOf(row, [])).toEqual({ seq: 2 });
});

it('does not take a message of another epoch for the one that is answered', () => {
  const [old, other] = [saidEntry(said(2)), saidEntry(said(2, { epoch: 'e2', text: 'other' }))];
  expect(quoteOf(row, [old, other])?.message?.data.text).toBe('text 2');
  expect(messageOf([old, other], 2)?.data.text).toBe('other');
});
