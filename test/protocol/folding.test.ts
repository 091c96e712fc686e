import { describe, expect, it } from 'vitest';
import { fold, foldEntries } from '../../src/protocol/folding.ts';
import type { ChatMessage, EditedMessage, ReactedMessage, RoomEntry } from '../../src/protocol/rooms.ts';

const position = (seq: number) => ({ roomid: 'tea', epoch: 'e', seq, id: `m${seq}`, at: 1_000 + seq });

function said(seq: number, text: string, more: Partial<ChatMessage> = {}): ChatMessage {
  const data = { username: 'Ann', userId: 'ann', text, type: 0 };
  return { event: 'broadcast_say', ...position(seq), data, ...more };
}

const by = (userId: string) => ({ userId, username: userId });

function edited(seq: number, ref: number, data: EditedMessage['data']): EditedMessage {
  return { event: 'edited', ...position(seq), ref, data, by: by('ann') };
}

function reacted(seq: number, ref: number, user: string, reaction = '👍', on = true): ReactedMessage {
  return { event: 'reacted', ...position(seq), ref, data: { reaction, on }, by: by(user) };
}

const deleted = (seq: number, ref: number): RoomEntry => ({ event: 'deleted', ...position(seq), ref });

const folded = (message: ChatMessage, ...entries: RoomEntry[]) => entries.reduce<ChatMessage>(fold, message);

describe('fold', () => {
  it('replaces the fields that an edit names, and tells the newest edit', () => {
    const message = said(1, 'one', {
      data: { username: 'Ann', userId: 'ann', text: 'one', type: 3, data: { a: 1 } },
    });
    expect(folded(message, edited(4, 1, { text: 'two' }))).toEqual({
      ...message,
      data: { ...message.data, text: 'two' },
      edited: { at: 1_004, seq: 4 },
      revision: 4,
    });
    expect(folded(message, edited(4, 1, { text: 'two' }), edited(6, 1, { data: [] }))).toMatchObject({
      data: { text: 'two', data: [], type: 3 },
      edited: { seq: 6 },
    });
  });

  it('counts reactions in the order of their first, and names ten users of each', () => {
    const users = Array.from({ length: 12 }, (_, index) => `user ${index}`);
    const all = folded(
      said(1, 'x'),
      ...users.map((user, index) => reacted(2 + index, 1, user)),
      reacted(20, 1, 'bob', '❤'),
    );
    expect(all.reactions).toEqual([
      { reaction: '👍', count: 12, users: users.slice(0, 10) },
      { reaction: '❤', count: 1, users: ['bob'] },
    ]);
    const fewer = folded(all, reacted(21, 1, 'user 3', '👍', false), reacted(22, 1, 'user 11', '👍', false));
    expect(fewer.reactions?.[0]).toEqual({
      reaction: '👍',
      count: 10,
      users: users.slice(0, 10).filter((user) => user !== 'user 3'),
    });
    expect(folded(fewer, reacted(23, 1, 'bob', '❤', false)).reactions).toHaveLength(1);
    const none = folded(said(1, 'x'), reacted(2, 1, 'bob'), reacted(3, 1, 'bob', '👍', false));
    expect(none).toEqual({ ...said(1, 'x'), revision: 3 });
  });

  it('counts answers', () => {
    const answer = (seq: number) => said(seq, 'yes', { replyTo: 1 });
    expect(folded(said(1, 'x'), answer(2), answer(3))).toMatchObject({ replies: 2, revision: 3 });
  });

  it('leaves nothing of a deleted message, and nothing changes it any more', () => {
    const gone = folded(said(1, 'x'), reacted(2, 1, 'bob'), deleted(3, 1));
    expect(gone).toEqual({
      event: 'broadcast_say',
      ...position(1),
      deleted: true,
      data: { username: '', userId: '', text: '', type: 0 },
    });
    const answer = folded(said(2, 'yes', { replyTo: 1 }), deleted(3, 2));
    expect(answer).toMatchObject({ deleted: true, replyTo: 1, data: { text: '' } });
    expect(folded(said(1, 'x'), answer)).toMatchObject({ replies: 1 });
    expect(folded(gone, edited(4, 1, { text: 'y' }), reacted(5, 1, 'bob'))).toEqual(gone);
  });

  it('changes nothing by an entry about another message, or one that is taken into account already', () => {
    const message = folded(said(1, 'x'), reacted(2, 1, 'bob'));
    for (const entry of [reacted(3, 9, 'ann'), said(4, 'plain'), reacted(2, 1, 'bob')]) {
      expect(fold(message, entry)).toEqual(message);
    }
  });
});

describe('a page', () => {
  it('has each message in its newest form, and every entry in its place', () => {
    const entries = [
      said(1, 'a'),
      said(2, 'b'),
      edited(3, 1, { text: 'A' }),
      deleted(4, 2),
      reacted(5, 1, 'bob'),
      edited(6, 0, {}),
    ];
    const page = foldEntries(entries);
    expect(page.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(page[0]).toMatchObject({ data: { text: 'A' }, reactions: [{ count: 1 }] });
    expect(page[1]).toMatchObject({ deleted: true });
    expect(page.slice(2)).toEqual(entries.slice(2));
    expect(foldEntries(page)).toEqual(page);
  });

  it('without such entries is the same', () => {
    const entries = [said(1, 'a'), said(2, 'b')];
    expect(foldEntries(entries)).toBe(entries);
  });
});
