import { describe, expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { initialState, readPending, subjectOf, unsentIn } from '../../../src/server/hooks/log-events.ts';
import { draftOf, granted } from '../../contract/peers.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const NOW = () => 5;

async function openRoom(texts: readonly string[]) {
  const store = createMemoryStore();
  const room = roomOf('/', 'lobby');
  const subject = subjectOf(room);
  const state = granted(await initialState(store.logs, room));
  for (const text of texts) granted(await store.logs.append(room, draftOf(room, text)));
  return {
    store,
    room,
    subject,
    state,
    pending: async (from: string) =>
      granted(await readPending(store.logs, { subject, state: from, limit: 100 }, NOW)),
    unsent: async (from: string) => granted(await unsentIn(store.logs, [{ subject, state: from }])),
  };
}

const brief = (events: readonly { type: string; message?: unknown }[]) =>
  events.map(({ type, message }) => [type, (message as { seq: number } | undefined)?.seq]);

describe('the events of a log', () => {
  it('begin behind what the room had when it was listed, and end with nothing unsent', async () => {
    const { state, pending, unsent } = await openRoom(['one', 'two']);
    expect(await unsent(state)).toEqual([true]);
    const found = await pending(state);
    expect(brief(found.events)).toEqual([
      ['message', 1],
      ['message', 2],
    ]);
    expect(await unsent(found.state)).toEqual([false]);
    expect(await pending(found.state)).toEqual({ events: [], state: found.state, more: false, dropped: 0 });
  });

  it('name nobody whom clients are not shown', async () => {
    const { state, store, room, pending } = await openRoom([]);
    const members =
      '"event":"broadcast_say","roomid":"lobby","reactions":[{"reaction":"+1","count":2,"users":["ann"],"others":["00ff"]}]';
    granted(await store.logs.append(room, { id: 'm1', members }));
    const { events } = await pending(state);
    expect(events).toMatchObject([
      { type: 'message', message: { reactions: [{ reaction: '+1', count: 2, users: ['ann'] }] } },
    ]);
    expect(JSON.stringify(events)).not.toContain('others');
  });

  it('name and count the entries that left the log unsent', async () => {
    const { state, store, room, pending } = await openRoom(['one', 'two', 'three', 'four']);
    store.trim(room, 3);
    const { events, dropped } = await pending(state);
    expect(dropped).toBe(3);
    expect(events[0]).toEqual({
      id: `dropped:${room.tag}:e1:1-3`,
      type: 'dropped',
      at: 5,
      ns: '/',
      roomid: 'lobby',
      from: 1,
      to: 3,
      count: 3,
    });
    expect(brief(events.slice(1))).toEqual([['message', 4]]);
  });

  it('tell of a log that dropped everything, once', async () => {
    const { state, store, room, pending } = await openRoom(['one', 'two']);
    store.trim(room, 2);
    const { events, state: after } = await pending(state);
    expect(brief(events)).toEqual([['dropped', undefined]]);
    expect((await pending(after)).events).toEqual([]);
  });

  it('go on with what a store that lost its newest entries numbered again', async () => {
    const { state, store, room, pending } = await openRoom(['one', 'two', 'three']);
    const { state: sent } = await pending(state);
    store.begin(room, 'e2', 2, [{ epoch: 'e1', upTo: 2 }]);
    granted(await store.logs.append(room, draftOf(room, 'another three')));
    const { events } = await pending(sent);
    expect(brief(events)).toEqual([['message', 3]]);
    expect(JSON.stringify(events)).toContain('another three');
  });
});
