import { describe, expect, it } from 'vitest';
import type { ChatEvent } from '../../../src/page/room/chat-reducer.ts';
import type { ChatState } from '../../../src/page/room/chat-state.ts';
import { isOwnReaction } from '../../../src/page/room/own-reactions.ts';
import { nameOf } from '../../../src/page/room/people-here.ts';
import { unseenLine } from '../../../src/page/room/reading.ts';
import { saidSince } from '../../../src/page/room/rows.ts';
import { MAX_ENTRIES, MAX_ENTRIES_WHILE_READING, TRIMMED_AT_ONCE } from '../../../src/page/room/timeline.ts';
import type { SayAck } from '../../../src/protocol/rooms.ts';
import {
  deleted,
  inRoom,
  joining,
  lost,
  message,
  pageOf,
  reduced,
  rowsOf,
  said,
  sayings,
  shown,
  unsent,
} from './chat-events.ts';

const own = { userId: 'g-me' };
const ME = { userId: 'g-me', username: 'Mia' };
const ack = (seq: number, more: { epoch?: string; dup?: true } = {}) => ({
  roomid: 'lobby',
  epoch: 'e1',
  seq,
  id: `m${seq}`,
  at: 1_000 + seq,
  ...more,
});

/** The ack of a message, after the SDK removed it from the unsent ones. */
const acked = (clientMsgId: string, answer: SayAck, text = clientMsgId): ChatEvent[] => [
  unsent(),
  { type: 'said', said: answer, draft: { roomid: 'lobby', clientMsgId, text } },
];
const removed = (ref: number): ChatEvent => ({ type: 'deleted', ref });

/** The list as a reader sees it, without days. */
function drawn({ timeline }: ChatState): string[] {
  return rowsOf(timeline, [], { userId: 'me', username: 'Me' }).flatMap((row) =>
    row.kind === 'said' ? [row.text] : row.kind === 'notice' ? [row.entry.notice] : ['removed'],
  );
}

describe('live messages', () => {
  it('follow the history, in order', () => {
    const state = inRoom(sayings(1, 2), message(said(3)), message(said(4)));
    expect(shown(state)).toEqual(['text 1', 'text 2', 'text 3', 'text 4']);
  });

  it('of a new epoch go below those of the old one, also with repeated numbers', () => {
    const moved = inRoom(sayings(1, 3), message(said(3, { epoch: 'e2', text: 'other 3' })));
    expect(shown(moved)).toEqual(['text 1', 'text 2', 'text 3', 'other 3']);
  });

  it('lose their text when they are deleted, and keep their place', () => {
    const state = reduced(inRoom(sayings(1, 3)), removed(2));
    expect(drawn(state)).toEqual(['text 1', 'removed', 'text 3']);
    expect(saidSince(state.timeline, undefined, 'me')).toBe(2);
  });

  it('lose their text also when they were deleted while the page was away, and in the newest of two epochs', () => {
    const away = reduced(inRoom(sayings(1, 3)), lost);
    const page = joining([deleted(4, 2), said(5)], { recovered: true });
    const back = reduced(away, ...page);
    const again = reduced(away, unsent('c'), ...page);
    expect(drawn(reduced(again, ...acked('c', ack(2, { dup: true }))))).toEqual(drawn(back));
    expect(drawn(back)).toEqual(['text 1', 'removed', 'text 3', 'text 5']);
    const anew = { epoch: 'e2', text: 'anew' };
    const lostTail = reduced(back, { type: 'gap' }, message(said(5, anew)));
    const { timeline } = reduced(lostTail, removed(5));
    expect(drawn({ ...lostTail, timeline })).toEqual([...drawn(back), 'missing', 'removed']);
  });

  it('are loaded from before the deletions among them, which show nothing', () => {
    const state = inRoom([deleted(8, 1), deleted(9, 2)]);
    expect(state.readFrom).toBe(8);
    const page = pageOf([deleted(6, 3), deleted(7, 4)], { more: true });
    const earlier = reduced(state, { type: 'earlier', before: 8, page });
    expect(earlier).toMatchObject({ readFrom: 6, more: true, earlier: 'idle', timeline: [] });
    const whole = reduced(earlier, { type: 'earlier', before: 6, page: pageOf(sayings(1, 5)) });
    expect(shown(whole)).toEqual(sayings(1, 5).map(({ data }) => data.text));
  });
});

it('the history counts as read in a tab that was opened in the background', () => {
  const state = inRoom([...sayings(1, 3), deleted(4, 1)], message(said(5)));
  expect(saidSince(state.timeline, state.history, 'g-me')).toBe(1);
});

describe('joins and quits', () => {
  it('show as notices where they arrived, and change the number of people', () => {
    const ann = { username: 'Ann', userId: 'a' };
    const state = inRoom(
      sayings(1, 1),
      { type: 'presence', presence: { event: 'join', roomid: 'lobby', data: ann } },
      message(said(2)),
      { type: 'presence', presence: { event: 'broadcast_quit', roomid: 'lobby', data: ann } },
    );
    expect(shown(state)).toEqual(['text 1', '(join Ann)', 'text 2', '(quit Ann)']);
    expect(state.users).toBe(1);
  });

  it('do not count the own join, which the answer to it counted', () => {
    const me = { username: 'Mia', userId: 'g-me' };
    const presence = { event: 'join', roomid: 'lobby', data: me } as const;
    expect(inRoom([], { type: 'presence', presence }).users).toBe(1);
  });
});

describe('own messages', () => {
  it('are settled by the ack at their place, before messages that it overtook', () => {
    const state = inRoom(sayings(1, 1), unsent('c1'), ...acked('c1', ack(3), 'mine'));
    expect(shown(state)).toEqual(['text 1', 'mine']);
    expect(state.drafts).toEqual([]);
    const full = reduced(
      state,
      message(said(2)),
      message(said(3, { ...own, clientMsgId: 'c1', text: 'mine' })),
    );
    expect(shown(full)).toEqual(['text 1', 'text 2', 'mine']);
  });

  it('are settled by the echo when it comes before the ack, and keep the bubble they were drawn as', () => {
    const echo = said(1, { ...own, clientMsgId: 'c1', text: 'mine' });
    const echoed = inRoom([], unsent('c1'), message(echo));
    expect(shown(echoed)).toEqual(['mine']);
    expect(echoed.drafts).toEqual([]);
    expect(echoed.timeline[0]?.key).toBe('own:c1');
    const more = reduced(echoed, unsent('c1', 'c2'));
    expect(more.drafts).toMatchObject([{ clientMsgId: 'c2' }]);
    expect(reduced(echoed, ...acked('c1', ack(1), 'mine'))).toEqual(echoed);
  });

  it('are not taken for settled by somebody else’s message under the same clientMsgId', () => {
    const state = inRoom([], unsent('c1'), message(said(1, { clientMsgId: 'c1', text: 'theirs' })));
    expect(shown(state)).toEqual(['theirs']);
    expect(state.drafts).toHaveLength(1);
  });

  it('wait again when the connection is lost, and are found in what a resume brings', () => {
    const sending = inRoom([], unsent('c1'));
    expect(sending.drafts).toMatchObject([{ status: 'sending' }]);
    const waiting = reduced(sending, lost);
    expect(waiting.drafts).toMatchObject([{ status: 'waiting' }]);
    const stored = said(1, { ...own, clientMsgId: 'c1', text: 'c1' });
    const back = reduced(waiting, ...joining([stored], { recovered: true }));
    expect(back.drafts).toEqual([]);
    expect(shown(back)).toEqual(['c1']);
  });

  it('say why they failed, also while the connection is lost', () => {
    const problem = { code: 'forbidden', message: 'no' } as const;
    const failed = inRoom([], unsent({ problem }));
    const drawn = { clientMsgId: 'c1', text: 'c1', writtenAt: 5_000, status: 'failed', problem };
    expect(failed.drafts).toEqual([drawn]);
    expect(reduced(failed, lost).drafts).toEqual([drawn]);
    expect(reduced(failed, lost, unsent('c1')).drafts).toMatchObject([{ status: 'waiting' }]);
    expect(reduced(failed, unsent()).drafts).toEqual([]);
  });

  it('answered again from before the loaded part are not drawn at its top, where they would hide a hole', () => {
    const state = inRoom(sayings(50, 60), unsent('c1'), ...acked('c1', ack(10, { dup: true })));
    expect(shown(state)[0]).toBe('text 50');
    expect(state.drafts).toEqual([]);
  });
});

describe('coming back', () => {
  it('adds what was missed, in order and without a notice, when everything was recovered', () => {
    const state = reduced(inRoom(sayings(1, 3)), lost, ...joining(sayings(4, 6), { recovered: true }));
    expect(shown(state)).toEqual(sayings(1, 6).map(({ data }) => data.text));
    expect(state.connection.phase).toBe('joined');
  });

  it('puts a notice between the rows read before and the newest page when messages are lost', () => {
    const [answer, ...messages] = joining(sayings(90, 92), { recovered: false, more: true });
    const gap: ChatEvent = { type: 'gap' };
    const state = reduced(inRoom(sayings(1, 3)), lost, ...(answer ? [answer, gap, ...messages] : []));
    expect(shown(state).slice(-4)).toEqual(['(missing)', 'text 90', 'text 91', 'text 92']);
    const renewed = reduced(state, { type: 'latest', page: pageOf(sayings(90, 92), { more: true }) });
    expect(shown(renewed)).toEqual([
      'text 1',
      'text 2',
      'text 3',
      '(missing)',
      'text 90',
      'text 91',
      'text 92',
    ]);
    expect(renewed.more).toBe(true);
  });
});

describe('a gap', () => {
  it('shows in its place, before what the newest page adds and the messages since', () => {
    const state = inRoom(
      sayings(1, 5),
      { type: 'gap' },
      message(said(4, { epoch: 'e2', text: 'new 4' })),
      message(said(5, { epoch: 'e2', text: 'new 5' })),
    );
    expect(shown(state).slice(-3)).toEqual(['(missing)', 'new 4', 'new 5']);
    const page = pageOf([...sayings(1, 3), said(4, { epoch: 'e2', text: 'new 4' })], { epoch: 'e2' });
    const renewed = reduced(state, { type: 'latest', page });
    const before = sayings(1, 5).map(({ data }) => data.text);
    expect(shown(renewed)).toEqual([...before, '(missing)', 'new 4', 'new 5']);
  });

  const texts = (from: number, to: number) => sayings(from, to).map(({ data }) => data.text);
  /** A reader who has read 11 to 13 and missed more than the newest page holds. */
  const behind = () =>
    reduced(
      inRoom(sayings(11, 13)),
      { type: 'gap' },
      { type: 'latest', page: pageOf(sayings(90, 92), { more: true }) },
    );

  it('is filled from below by the earlier messages, until nothing is missing', () => {
    const state = behind();
    expect(state).toMatchObject({ readFrom: 90, more: true });
    const page = pageOf([...sayings(50, 88), deleted(89, 12)], { more: true });
    const half = reduced(state, { type: 'earlier', before: 90, page });
    expect(drawn(half).slice(0, 5)).toEqual(['text 11', 'removed', 'text 13', 'missing', 'text 50']);
    const rest = pageOf(sayings(10, 49), { more: true });
    const whole = reduced(half, { type: 'earlier', before: 50, page: rest });
    expect(drawn(whole)).toEqual(['text 11', 'removed', ...texts(13, 88), ...texts(90, 92)]);
    expect(whole).toMatchObject({ readFrom: 11, more: false, above: undefined });
  });

  it('stays where the server has nothing more to fill it with', () => {
    const state = reduced(behind(), { type: 'earlier', before: 90, page: pageOf(sayings(80, 89)) });
    expect(shown(state)).toEqual([...texts(11, 13), '(missing)', ...texts(80, 92)]);
    expect(state).toMatchObject({ more: false, above: undefined });
  });

  it('leaves no notice where the newest page follows the rows read before', () => {
    const state = reduced(
      inRoom(sayings(1, 3)),
      { type: 'gap' },
      { type: 'latest', page: pageOf(sayings(4, 6), { more: true }) },
    );
    expect(shown(state)).toEqual(texts(1, 6));
    expect(state).toMatchObject({ readFrom: 1, more: false });
  });

  it('replaces an older one that is still open', () => {
    const state = reduced(behind(), { type: 'gap' }, { type: 'latest', page: pageOf(sayings(200, 202)) });
    expect(shown(state)).toEqual([...texts(90, 92), '(missing)', ...texts(200, 202)]);
  });
});

describe('earlier messages', () => {
  it('go before everything, once', () => {
    const state = inRoom(
      sayings(51, 53),
      { type: 'earlierAsked' },
      {
        type: 'earlier',
        before: 51,
        page: pageOf(sayings(49, 51), { more: true }),
      },
    );
    expect(shown(state)).toEqual(['text 49', 'text 50', 'text 51', 'text 52', 'text 53']);
    expect(state).toMatchObject({ more: true, earlier: 'idle' });
  });

  it('are left out when the list was replaced while they were on their way', () => {
    const page = pageOf(sayings(1, 50));
    const state = inRoom(sayings(90, 92), { type: 'earlier', before: 51, page });
    expect(shown(state)).toEqual(['text 90', 'text 91', 'text 92']);
  });
});

describe('who is writing', () => {
  const typing = (userId: string, on = true) =>
    ({ type: 'typing', typing: { userId, username: userId.toUpperCase(), on } }) as const;

  it('is shown until they stop, in the order they began', () => {
    const both = inRoom([], typing('a'), typing('b'));
    expect(both.typists.map(({ username }) => username)).toEqual(['A', 'B']);
    expect(reduced(both, typing('a', false)).typists.map(({ username }) => username)).toEqual(['B']);
  });

  it('is still known after a short loss of the connection, for the SDK says only who begins and stops', () => {
    const back = inRoom([], typing('a'), lost, ...joining([], { recovered: true }));
    expect(back.typists).toMatchObject([{ userId: 'a' }]);
  });
});

describe('a reader who is muted', () => {
  it('sees it until a message is stored again', () => {
    const muted = inRoom([], { type: 'muted', mute: { until: 5_000 } }, unsent('c1'));
    expect(muted.mute).toEqual({ until: 5_000 });
    expect(reduced(muted, ...acked('c1', ack(1))).mute).toBeUndefined();
  });
});

describe('a long talk', () => {
  /** A room whose list has the messages 1 to `last`. */
  const holding = (last: number, ...events: ChatEvent[]) =>
    inRoom([said(last)], ...events, { type: 'earlier', before: last, page: pageOf(sayings(1, last - 1)) });

  it('keeps the newest rows for a reader at the end, and the way back to the rest', () => {
    const full = holding(MAX_ENTRIES);
    expect(full.timeline).toHaveLength(MAX_ENTRIES);
    expect(full.more).toBe(false);
    const state = reduced(full, message(said(MAX_ENTRIES + 1)));
    expect(state.timeline).toHaveLength(MAX_ENTRIES - TRIMMED_AT_ONCE);
    expect(state).toMatchObject({ more: true, readFrom: TRIMMED_AT_ONCE + 2 });
  });

  it('removes nothing from a reader further up, until they come back to the end', () => {
    const reading = holding(MAX_ENTRIES_WHILE_READING, { type: 'following', following: false });
    expect(reading.timeline).toHaveLength(MAX_ENTRIES_WHILE_READING);
    const long = reduced(reading, message(said(MAX_ENTRIES_WHILE_READING + 1)));
    expect(long.timeline).toHaveLength(MAX_ENTRIES_WHILE_READING - TRIMMED_AT_ONCE);
    const back = reduced(long, { type: 'following', following: true });
    expect(back.timeline).toHaveLength(MAX_ENTRIES - TRIMMED_AT_ONCE);
  });
});

describe('the line of what is new', () => {
  const looking = (attended: boolean): ChatEvent => ({ type: 'attended', attended });
  const line = (state: ChatState) => unseenLine(state);

  it('stands before the first message of others that came while the reader looked away', () => {
    const away = inRoom(sayings(1, 2), looking(true), looking(false), message(said(3, own)));
    expect(line(away)).toBeUndefined();
    const news = reduced(away, message(said(4)), message(said(5)));
    expect(line(news)).toBe('e1:4');
    expect(line(reduced(news, looking(true), message(said(6))))).toBe('e1:4');
  });

  it('goes when the reader looks away again, or writes', () => {
    const back = inRoom([said(1)], looking(true), looking(false), message(said(2)), looking(true));
    expect(line(back)).toBe('e1:2');
    expect(line(reduced(back, looking(false)))).toBeUndefined();
    expect(line(reduced(back, unsent('c1'), ...acked('c1', ack(3))))).toBeUndefined();
  });

  it('does not come for a reader who missed nothing', () => {
    const back = inRoom([said(1)], looking(true), looking(false), looking(true), message(said(2)));
    expect(line(back)).toBeUndefined();
  });

  it('comes also for a reader of older messages, and in a room that was never looked at', () => {
    const reading = inRoom(
      [said(1)],
      looking(true),
      { type: 'following', following: false },
      message(said(2)),
    );
    expect(line(reading)).toBe('e1:2');
    expect(line(inRoom([said(1)], message(said(2))))).toBe('e1:2');
  });

  it('comes at a join after the read mark, once the history is there', () => {
    const [first, ...rest] = joining(sayings(1, 5));
    const at = (readUpTo: number) =>
      reduced(inRoom([], looking(true)), { ...first, readUpTo } as ChatEvent, ...rest);
    expect(line(at(3))).toBe('e1:4');
    expect(line(at(5))).toBeUndefined();
    expect(line(at(0))).toBeUndefined();
  });
});

describe('changes of messages', () => {
  const change = (entry: object) => ({ type: 'changed', entry: { ...said(9), ...entry } }) as ChatEvent;
  const reaction = (by: string, on = true) =>
    change({ event: 'reacted', ref: 1, data: { reaction: '👍', on }, by: { userId: by, username: by } });

  it('of the reader are own reactions, whatever the first ten people are', () => {
    const many = said(1, { reactions: [{ reaction: '👍', count: 12, users: ['a', 'b'] }] });
    const state = inRoom([many]);
    const isOwn = ({ ownReactions }: ChatState) =>
      isOwnReaction(ownReactions, 1, { reaction: '👍', count: 12, users: ['a', 'b'] }, 'g-me');
    expect(isOwn(state)).toBe(false);
    expect(isOwn(reduced(state, reaction('bob')))).toBe(false);
    expect(isOwn(reduced(state, reaction('g-me')))).toBe(true);
    expect(isOwn(reduced(state, reaction('g-me'), reaction('g-me', false)))).toBe(false);
    expect(isOwn(reduced(state, { type: 'ownReaction', seq: 1, reaction: '👍', on: true }))).toBe(true);
  });

  it('are counted at a message that is answered', () => {
    const state = inRoom([said(1)], message(said(2, { replyTo: 1 })), message(said(3, { replyTo: 1 })));
    expect(state.timeline[0]).toMatchObject({ message: { replies: 2 } });
  });

  it('of an own reply show what it answers before the echo comes', () => {
    const draft = { roomid: 'lobby', clientMsgId: 'c1', text: 'yes', replyTo: 1, mentions: ['bob'] };
    const writing = inRoom([said(1)], unsent(draft));
    expect(writing.drafts).toMatchObject([{ replyTo: 1 }]);
    const state = reduced(writing, unsent(), { type: 'said', said: ack(2), draft });
    expect(state.timeline).toMatchObject([
      { message: { replies: 1 } },
      { message: { replyTo: 1, mentions: ['bob'] } },
    ]);
  });
});

it('knows the names of those present, and marks the names that look alike', () => {
  const list = [
    { userId: 'a', username: 'Ann' },
    { userId: 'b', username: 'Аnn', confusable: true as const },
  ];
  const state = inRoom([], { type: 'members', list });
  expect(['a', 'b', 'c'].map((userId) => nameOf(state, userId, ME))).toEqual(['Ann', 'Аnn', undefined]);
  expect([...state.confusable]).toEqual(['b']);
});

it('knows the names of those who wrote or came, and that of the reader', () => {
  const ann = { username: 'Ann', userId: 'a' };
  const came = { type: 'presence', presence: { event: 'join', roomid: 'lobby', data: ann } } as const;
  const state = inRoom([said(1, { userId: 'bob' })], came);
  expect(['a', 'bob', 'g-me'].map((userId) => nameOf(state, userId, ME))).toEqual(['Ann', 'bob', 'Mia']);
});
