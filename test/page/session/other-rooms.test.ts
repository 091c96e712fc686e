import { expect, it } from 'vitest';
import { type ChatClient, ClientError } from '../../../src/client/index.ts';
import { createOtherRooms } from '../../../src/page/session/other-rooms.ts';
import type { MyRoom } from '../../../src/protocol/rooms.ts';
import { eventually } from '../../support/eventually.ts';
import { hello } from '../room/chat-events.ts';

/** A tab of `me`, and a server that answers when the test says so. */
function open(...own: string[]) {
  const answers: ((rooms: readonly MyRoom[] | ClientError) => void)[] = [];
  const clock = { ms: 0 };
  let heardHello: (told: ReturnType<typeof hello>) => void = () => undefined;
  const chat = {
    rooms: {
      mine: () =>
        new Promise<readonly MyRoom[]>((resolve, reject) =>
          answers.push((answer) => (answer instanceof ClientError ? reject(answer) : resolve(answer))),
        ),
    },
    on(_hello: 'hello', listener: typeof heardHello) {
      heardHello = listener;
      return () => undefined;
    },
  };
  const rooms = createOtherRooms({
    chat: chat as Pick<ChatClient, 'on' | 'rooms'>,
    ownRooms: () => own,
    elapsedMs: () => clock.ms,
    nextFrame: (run) => run(),
  });
  const greet = (id: string, guestToken?: string) =>
    heardHello(hello({ user: { id, name: id }, ...(guestToken !== undefined && { guestToken }) }));
  const shown = () => rooms.list.get().map(({ roomid, unread }) => `${roomid} ${unread}`);
  greet('me');
  return { own, answers, clock, rooms, greet, shown };
}

const room = (roomid: string, unread = 0): MyRoom => ({ roomid, top: 9, read: 9 - unread, unread });

it('lists the rooms that the server knows and this tab is not in, by name', async () => {
  const { answers, shown } = open('lobby');
  answers[0]?.([room('tea', 3), room('lobby'), room('attic')]);
  await eventually(() => expect(shown()).toEqual(['attic 0', 'tea 3']));
});

it('lists a room no more that this tab enters', async () => {
  const { own, answers, rooms, shown } = open();
  answers[0]?.([room('attic'), room('tea')]);
  await eventually(() => expect(shown()).toHaveLength(2));
  own.push('tea');
  rooms.entered();
  expect(shown()).toEqual(['attic 0']);
});

it('lists a room that was left here once the server says that another device is in it', async () => {
  const { own, answers, rooms, shown } = open('tea');
  answers[0]?.([room('tea'), room('attic')]);
  await eventually(() => expect(shown()).toEqual(['attic 0']));
  own.pop();
  let tell = () => {};
  rooms.leaving('tea', new Promise<void>((resolve) => (tell = resolve)));
  expect([shown(), answers.length]).toEqual([['attic 0'], 1]);
  tell();
  await eventually(() => expect(answers).toHaveLength(2));
  answers[1]?.([room('tea'), room('attic')]);
  await eventually(() => expect(shown()).toEqual(['attic 0', 'tea 0']));
});

it('takes no list from before a room was left', async () => {
  const { own, answers, rooms, shown } = open('tea');
  own.pop();
  rooms.leaving('tea', Promise.resolve());
  answers[0]?.([room('tea')]);
  await eventually(() => expect(answers).toHaveLength(2));
  answers[1]?.([room('attic')]);
  await eventually(() => expect(shown()).toEqual(['attic 0']));
});

it('asks again when the page comes into sight, half a minute later at the earliest', async () => {
  const { answers, clock, rooms, shown } = open();
  answers[0]?.(new ClientError('unavailable', 'the store is away', true));
  clock.ms = 29_999;
  rooms.look();
  expect(answers).toHaveLength(1);
  clock.ms = 30_000;
  rooms.look();
  expect(answers).toHaveLength(2);
  answers[1]?.([room('tea')]);
  await eventually(() => expect(shown()).toEqual(['tea 0']));
});

it('forgets the rooms of another user, and asks nothing for a guest', async () => {
  const { answers, clock, rooms, greet, shown } = open();
  answers[0]?.([room('tea')]);
  await eventually(() => expect(shown()).toEqual(['tea 0']));
  greet('g-1', 'signature');
  expect(shown()).toEqual([]);
  clock.ms = 60_000;
  rooms.look();
  expect(answers).toHaveLength(1);
});
