import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { socketRoom } from '../../../src/backend/socket-room.ts';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import type { Reads } from '../../../src/protocol/rooms.ts';
import { createRoomReads } from '../../../src/server/delivery/room-reads.ts';
import type { ChatNamespace, ClientSocket } from '../../../src/server/socket-types.ts';
import { emitting } from '../../support/emitting.ts';
import { createMemoryStore } from '../../support/memory-store.ts';
import { partOf } from '../../support/part-of.ts';

const tea = roomOf('/', 'tea');

type Others = ReturnType<ChatNamespace['local']['to']>;

interface Worker {
  readonly reads: ReturnType<typeof createRoomReads>;
  /** The events written to all members here, or to all but the excepted ones. */
  readonly told: (Reads | readonly [except: readonly string[], reads: Reads])[];
}

/** Workers of one cluster, which share a store. The room has a member on each. */
async function setUp(workers = 2) {
  const store = createMemoryStore();
  const state = { clients: 3, users: ['ann', 'bob', 'guest'], away: false };
  const counted = vi.fn(async () =>
    state.away ? refuse('unavailable', 'away', 1) : succeed({ users: 3, clients: state.clients, rev: 1 }),
  );
  const listed = vi.fn(async () =>
    succeed({
      rev: 1,
      members: state.users.map((userId) => ({
        userId,
        username: userId,
        clients: 1,
        state: 'online' as const,
        seenAt: 1,
      })),
    }),
  );
  const listeners: ((reads: Reads) => void)[] = [];
  const deleteRoom: ((name: string) => void)[] = [];
  const network = { isSlow: false, inFlight: [] as (() => void)[] };
  const rooms = new Map([[socketRoom(tea), new Set(['x'])]]);

  function open(index: number): Worker {
    const told: Worker['told'] = [];
    let excepted: readonly string[] = [];
    const others: Others = partOf<Others>({
      except(ids) {
        excepted = ids as string[];
        return others;
      },
      emit: emitting<Reads>((_event, reads) => told.push([excepted, reads])) as never,
    });
    const nsp = partOf<ChatNamespace>({
      name: '/',
      adapter: partOf<ChatNamespace['adapter']>({
        rooms,
        on: ((_event: string, listener: (name: string) => void) => deleteRoom.push(listener)) as never,
      }),
      local: partOf<ChatNamespace['local']>({ to: () => others }),
      on: ((_event: string, listener: (reads: Reads) => void) => {
        listeners[index] = listener;
        return nsp;
      }) as never,
      serverSideEmit: ((_event: string, reads: Reads) => {
        const arrive = () => {
          for (const [other, hear] of listeners.entries()) if (other !== index) hear(structuredClone(reads));
        };
        if (network.isSlow) network.inFlight.push(arrive);
        else arrive();
      }) as never,
    });
    const reads = createRoomReads({
      namespaces: [nsp],
      of: () => nsp,
      roster: { count: counted, members: listed },
      roomReaders: store.roomReaders,
      fanout: {
        enqueue({ roomid }, { event, json }) {
          expect([roomid, event]).toEqual(['tea', 'reads']);
          told.push(JSON.parse(json));
        },
      },
    });
    return { reads, told };
  }

  for (let n = 0; n < 9; n += 1) await store.logs.append(tea, { id: `${n}`, members: '"x":1' });
  const opened = Array.from({ length: workers }, (_, index) => open(index));
  const [one, two = open(1)] = opened as [Worker, Worker];
  return {
    state,
    counted,
    listed,
    one,
    two,
    rooms,
    network,
    empty() {
      rooms.clear();
      for (const listener of deleteRoom) listener(socketRoom(tea));
    },
    async read({ reads }: Worker, userId: string, seq: number) {
      await store.roomReaders.raise(tea, inboxOf('/', userId).tag, seq);
      reads.raised(tea, userId, seq);
    },
    joiner(id: string, leaves = false) {
      const heard: Reads[] = [];
      const emit = emitting<Reads>((_event, reads) => heard.push(reads));
      const socket = partOf<ClientSocket>({ id, rooms: new Set(leaves ? [] : [socketRoom(tea)]), emit });
      return { socket, heard };
    },
  };
}

const marks = (...pairs: readonly (readonly [userId: string, seq: number])[]): Reads => ({
  roomid: 'tea',
  marks: pairs.map(([userId, seq]) => ({ userId, seq })),
});

describe('what the members of a room have read', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it('is told on every worker at once, and then gathered for a second', async () => {
    const { one, two, read, counted } = await setUp();
    await read(one, 'ann', 3);
    await pass(0);
    for (const { told } of [one, two]) expect(told).toEqual([marks(['ann', 3])]);
    await read(one, 'ann', 5);
    await read(one, 'bob', 4);
    await read(one, 'ann', 4);
    await pass(990);
    for (const { told } of [one, two]) expect(told).toHaveLength(1);
    await pass(10);
    for (const { told } of [one, two]) expect(told.slice(1)).toEqual([marks(['ann', 5], ['bob', 4])]);
    expect(counted).toHaveBeenCalledTimes(2);
    // Later it is told at once again, and nothing runs meanwhile.
    await pass(1_000);
    expect(vi.getTimerCount()).toBe(0);
    await read(two, 'ann', 6);
    await pass(0);
    for (const { told } of [one, two]) expect(told.slice(2)).toEqual([marks(['ann', 6])]);
  });

  it('reaches a client at most once a second, however many workers have readers', async () => {
    const { one, two, read } = await setUp();
    await read(one, 'ann', 3);
    await pass(100);
    await read(two, 'bob', 4);
    await pass(850);
    for (const { told } of [one, two]) expect(told).toEqual([marks(['ann', 3])]);
    await pass(60);
    for (const { told } of [one, two]) expect(told.slice(1)).toEqual([marks(['bob', 4])]);
  });

  it('is a number of users in a room of more than 200 connections', async () => {
    const { one, two, read, state } = await setUp();
    state.clients = 201;
    const expectNext = async (...expected: readonly Reads[]) => {
      await pass(3_000);
      for (const { told } of [one, two]) expect(told.splice(0)).toEqual(expected);
    };
    const counts = (seq: number, users: number): Reads => ({ roomid: 'tea', count: { seq, users } });
    await read(two, 'cleo', 8);
    await read(one, 'ann', 3);
    await expectNext(counts(8, 1), counts(3, 2));
    // The furthest of a second, and of the workers that tell of it.
    await read(one, 'bob', 9);
    await read(one, 'ann', 7);
    await read(two, 'dan', 8);
    await expectNext(counts(9, 1), counts(8, 3));
    await read(two, 'ann', 9);
    await read(one, 'dan', 9);
    await expectNext(counts(9, 2), counts(9, 3));
    state.clients = 200;
    await read(two, 'eve', 9);
    await expectNext(marks(['eve', 9]));
  });

  it('is no smaller number than was told before, when the notice of a slow worker comes late', async () => {
    const { one, two, read, rooms, state, network, empty } = await setUp();
    state.clients = 201;
    const counts = (seq: number, users: number): Reads => ({ roomid: 'tea', count: { seq, users } });
    network.isSlow = true;
    await read(one, 'ann', 9);
    await pass(0);
    network.isSlow = false;
    await read(two, 'bob', 9);
    await pass(5_000);
    for (const arrive of network.inFlight) arrive();
    await pass(5_000);
    expect(one.told).toEqual([counts(9, 1), counts(9, 2)]);
    expect(two.told).toEqual([counts(9, 2)]);
    expect(two.reads.sizes()).toMatchObject({ lastCounts: 1 });
    // In another epoch the number may stand for another message, of which nobody has read yet.
    await pass(10_000);
    for (const arrive of network.inFlight) arrive();
    await pass(5_000);
    one.told.splice(0);
    expect(two.told.splice(0).slice(1)).toEqual([counts(9, 1)]);
    // Nothing is kept of a room without members, also if it empties just before a notice is told.
    await read(one, 'cleo', 9);
    await pass(0);
    await read(one, 'dan', 9);
    empty();
    await pass(5_000);
    expect(two.reads.sizes()).toMatchObject({ lastCounts: 0 });
    rooms.set(socketRoom(tea), new Set(['x']));
    await read(one, 'eve', 9);
    await pass(0);
    expect(two.told).toEqual([counts(9, 3), counts(9, 5)]);
  });

  it('is told to nobody where the room has no member, and is lost while the store is away', async () => {
    const { one, two, read, rooms, state } = await setUp();
    state.away = true;
    await read(one, 'ann', 3);
    await pass(1_000);
    state.away = false;
    rooms.clear();
    await read(one, 'ann', 4);
    await pass(1_000);
    for (const { told } of [one, two]) expect(told).toEqual([]);
  });

  it('names 200 users at most', async () => {
    const { one, read } = await setUp();
    for (let n = 0; n <= 201; n += 1) await read(one, `user ${n}`, 1);
    await pass(1_000);
    expect(one.told.map((reads) => ('marks' in reads ? reads.marks.length : 0))).toEqual([1, 200]);
  });

  it('comes to a joiner as a list, which a crowd shares', async () => {
    const { one, two, read, joiner, listed, state } = await setUp();
    await read(two, 'ann', 3);
    await pass(1_000);
    const [first, second, third, gone] = [joiner('a'), joiner('b'), joiner('c'), joiner('d', true)] as const;
    const all = marks(['ann', 3], ['bob', 5]);
    await read(two, 'bob', 5);
    one.reads.joined(first.socket, tea, 3);
    await pass(0);
    expect(first.heard).toEqual([]);
    for (const { socket } of [second, third, gone]) one.reads.joined(socket, tea, 3);
    await pass(1_000);
    for (const { heard } of [first, second, third]) expect(heard).toEqual([all]);
    expect(gone.heard).toEqual([]);
    expect(listed).toHaveBeenCalledTimes(1);
    state.users = ['guest'];
    await pass(2_000);
    one.reads.joined(first.socket, tea, 3);
    one.reads.joined(first.socket, tea, 201);
    await pass(0);
    expect(first.heard).toEqual([all]);
    expect(listed).toHaveBeenCalledTimes(2);
  });

  it('comes to a joiner once, not again with what the others are told in that second', async () => {
    const { one, two, read, joiner } = await setUp();
    const { socket, heard } = joiner('a');
    await read(two, 'ann', 3);
    await pass(100);
    await read(two, 'bob', 5);
    one.reads.joined(socket, tea, 3);
    await pass(1_000);
    expect(heard).toEqual([marks(['ann', 3], ['bob', 5])]);
    expect(one.told).toEqual([marks(['ann', 3]), [['a'], marks(['bob', 5])]]);
    expect(two.told).toEqual([marks(['ann', 3]), marks(['bob', 5])]);
  });

  it('takes no timer once the worker is closed', async () => {
    const { one, two, read } = await setUp();
    await read(one, 'ann', 3);
    await read(one, 'ann', 4);
    for (const { reads } of [one, two]) reads.close();
    await pass(5_000);
    expect(one.told).toEqual([marks(['ann', 3])]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
