import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import { createHookedRoster } from '../../../src/server/hooks/hooked-roster.ts';
import { createHookListing } from '../../../src/server/hooks/listing.ts';
import type { HookEvent } from '../../../src/server/hooks/log-events.ts';
import { createPresenceEvents, roomSubject } from '../../../src/server/hooks/presence-events.ts';
import { createHookSender, type HookSender } from '../../../src/server/hooks/sender.ts';
import { granted } from '../../contract/peers.ts';
import { eventually } from '../../support/eventually.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const LOBBY = roomOf('/', 'lobby');
const AWAY = refuse('unavailable', 'away', 1_000);
const elapsedMs = () => performance.now();

/** A roster in which the test says how many users the room has, and two processes that may send. */
function openChat(wanted: readonly string[]) {
  const { hooks: queue, logs, roster: connections } = createMemoryStore();
  const users = { now: 0 };
  const failing = { list: false, advance: false };
  const roster = {
    connections: connections.connections,
    setConnections: connections.setConnections,
    count: async () => succeed({ users: users.now, clients: users.now, rev: 0 }),
    exit: async () => succeed({ users: 0, clients: 0, changed: true }),
    reap: async () => succeed([]),
    async enter() {
      users.now += 1;
      return succeed({ users: users.now, clients: users.now, changed: true });
    },
  };
  const posted: HookEvent[] = [];
  const senders: HookSender[] = [];
  const listing = createHookListing({
    restored: ({ state }) => state,
    queue: { ...queue, list: async (...given) => (failing.list ? AWAY : queue.list(...given)) },
    elapsedMs,
  });
  let ids = 0;
  const hooked = createHookedRoster(roster as unknown as Parameters<typeof createHookedRoster>[0], {
    listing,
    rooms: true,
    users: true,
    newId: () => {
      ids += 1;
      return `id${ids}`;
    },
  });
  function openSender(holder: string, onPost: () => void = () => undefined): void {
    const sender = createHookSender({
      queue: {
        ...queue,
        advance: async (...given) => (failing.advance ? AWAY : queue.advance(...given)),
      },
      logs,
      presence: createPresenceEvents({ roster, wanted, now: () => 5 }),
      pushes: undefined,
      sendsMessages: false,
      async post(body) {
        posted.push(...(JSON.parse(body) as { events: HookEvent[] }).events);
        onPost();
        return { taken: true, text: '' };
      },
      timeoutMs: 100,
      holder,
      now: () => 5,
      elapsedMs,
      random: () => 0,
      log: pino({ level: 'silent' }),
    });
    senders.push(sender);
  }
  return {
    queue,
    users,
    failing,
    hooked,
    posted,
    openSender,
    note: async () => granted(await queue.note([roomSubject(LOBBY)])),
    async close() {
      await listing.close();
      await Promise.all(senders.map((sender) => sender.close()));
    },
  };
}

const ANN = { userId: 'ann', username: 'Ann' };
const ALL = ['room.occupied', 'room.vacated', 'user.online', 'user.offline'];

describe('webhooks of presence', () => {
  let chat: ReturnType<typeof openChat>;
  afterEach(() => chat.close());

  it('tell each change that lasts once, and nothing of a room that is as it was', async () => {
    chat = openChat(ALL);
    chat.openSender('a');
    granted(await chat.hooked.enter(LOBBY, ANN, 1, 1));
    granted(await chat.hooked.setConnections(inboxOf('/', 'ann'), 1));
    await eventually(() => expect(chat.posted).toHaveLength(2));
    expect([...chat.posted].sort((one, other) => one.type.localeCompare(other.type))).toEqual([
      { id: 'id1:1', type: 'room.occupied', at: 5, ns: '/', roomid: 'lobby' },
      { id: 'id2:1', type: 'user.online', at: 5, ns: '/', userId: 'ann' },
    ]);
    granted(await chat.hooked.enter(LOBBY, { userId: 'bob', username: 'Bob' }, 1, 2));
    chat.users.now = 0;
    granted(await chat.hooked.exit(LOBBY, 'ann', 0));
    await eventually(() => expect(chat.posted).toHaveLength(3));
    expect(chat.posted[2]).toEqual({ id: 'id1:2', type: 'room.vacated', at: 5, ns: '/', roomid: 'lobby' });
  });

  it('leave out what is not wanted', async () => {
    chat = openChat(['room.vacated']);
    chat.openSender('a');
    granted(await chat.hooked.enter(LOBBY, ANN, 1, 1));
    const state = async () => granted(await chat.queue.listed(undefined, 1))[0]?.state;
    await eventually(async () => expect(await state()).toBe('sent 1 id1 1'));
    chat.users.now = 0;
    await chat.note();
    await eventually(() =>
      expect(chat.posted.map(({ id, type }) => [id, type])).toEqual([['id1:2', 'room.vacated']]),
    );
  });

  it('come again under the same id if a taken one could not be stored, and then what is true', async () => {
    chat = openChat(ALL);
    // Its first post is taken, and that cannot be stored.
    chat.openSender('a', () => {
      chat.failing.advance = chat.posted.length === 1;
      chat.users.now = 0;
    });
    granted(await chat.hooked.enter(LOBBY, ANN, 1, 1));
    await eventually(() => expect(new Set(chat.posted.map(({ id }) => id)).size).toBe(2));
    expect(chat.posted.slice(0, 2).map(({ id }) => id)).toEqual(['id1:1', 'id1:1']);
    const types = new Map(chat.posted.map(({ id, type }) => [id, type]));
    expect([...types]).toEqual([
      ['id1:1', 'room.occupied'],
      ['id1:2', 'room.vacated'],
    ]);
  });

  it('keep nobody out while they cannot be listed, and list the room then', async () => {
    chat = openChat(ALL);
    chat.openSender('a');
    chat.failing.list = true;
    granted(await chat.hooked.enter(LOBBY, ANN, 1, 1));
    expect(granted(await chat.queue.listed(undefined, 1))).toEqual([]);
    chat.failing.list = false;
    await eventually(() => expect(chat.posted.map(({ type }) => type)).toEqual(['room.occupied']));
  });

  it('compare everything after the users of a dead worker are gone', async () => {
    chat = openChat(ALL);
    chat.openSender('a');
    granted(await chat.hooked.enter(LOBBY, ANN, 1, 1));
    await eventually(() => expect(chat.posted).toHaveLength(1));
    chat.users.now = 0;
    granted(await chat.hooked.reap('dead'));
    await eventually(() =>
      expect(chat.posted.map(({ type }) => type)).toEqual(['room.occupied', 'room.vacated']),
    );
  });
});
