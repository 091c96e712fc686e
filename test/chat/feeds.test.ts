import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import type { Gap } from '../../src/chat/feed.ts';
import { createFeeds } from '../../src/chat/feeds.ts';
import { roomOf } from '../../src/chat/room.ts';
import { eventually } from '../support/eventually.ts';
import { createMemoryRoom } from '../support/memory-room.ts';

const room = roomOf('/', 'lobby');
const latest = { limit: 50, maxBytes: 1e6 };

function setUp() {
  const memory = createMemoryRoom();
  const delivered: string[] = [];
  const gaps: Gap[] = [];
  const closed: string[] = [];
  const feeds = createFeeds({
    logs: memory.logs,
    bus: memory.bus,
    deliver: (_room, { epoch, seq }) => delivered.push(`${epoch}:${seq}`),
    onGap: (_room, gap) => gaps.push(gap),
    onPresence: () => undefined,
    onClosed: ({ roomid }) => closed.push(roomid),
    log: pino({ level: 'silent' }),
  });
  const meet = () =>
    feeds.attach(
      room,
      () => memory.logs.read(room, latest),
      (page, since) => ({
        top: since.at(-1)?.seq ?? page.top,
        seqs: [...page.entries, ...since].map(({ seq }) => seq),
      }),
    );
  async function join() {
    const hold = await feeds.lease(room);
    if (!hold.ok) throw new Error('not held');
    const met = await meet();
    if (!met.ok) throw new Error(met.error.message);
    return { ...met.value, release: () => hold.value.release() };
  }
  return { memory, delivered, gaps, closed, feeds, join, meet };
}

describe('all leased rooms', () => {
  it('are compared with their logs in batches, and an unreadable one delays no other', async () => {
    vi.useFakeTimers();
    try {
      const memory = createMemoryRoom();
      const underWay = new Set<string>();
      const compared = new Set<string>();
      let most = 0;
      const feeds = createFeeds({
        logs: {
          ...memory.logs,
          async read({ roomid }, query) {
            underWay.add(roomid);
            most = Math.max(most, underWay.size);
            if (watching && roomid === 'room 7') await new Promise(() => undefined);
            await new Promise((resolve) => setTimeout(resolve, 10));
            underWay.delete(roomid);
            if (watching) compared.add(roomid);
            return memory.logs.read(room, query);
          },
        },
        bus: memory.bus,
        deliver: () => undefined,
        onGap: () => undefined,
        onPresence: () => undefined,
        log: pino({ level: 'silent' }),
      });
      let watching = false;
      const rooms = Array.from({ length: 1_000 }, (_, n) => roomOf('/', `room ${n}`));
      for (const one of rooms) {
        await feeds.lease(one);
        const met = feeds.attach(
          one,
          () => memory.logs.read(one, latest),
          () => undefined,
        );
        await met;
      }
      watching = true;
      feeds.resync();
      feeds.resync();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(compared.size).toBe(999);
      expect(most).toBeLessThanOrEqual(201);
      feeds.close();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a leased room', () => {
  it('delivers entries published after the page, in order and once', async () => {
    const { memory, delivered, join } = setUp();
    memory.store();
    const joined = await join();
    expect(joined.seqs).toEqual([1]);
    const two = memory.store();
    const three = memory.store();
    memory.publish(two);
    memory.publish(two);
    memory.publish(three);
    memory.publish(two);
    expect(delivered).toEqual(['e1:2', 'e1:3']);
  });

  it('takes the epoch of an empty log from the log only, never from the bus', async () => {
    const { memory, delivered, gaps, join, feeds } = setUp();
    memory.restart('new');
    await join();
    const reads = memory.reads();
    memory.publish({ epoch: 'of another store', seq: 1, json: '{}' });
    await eventually(() => expect(memory.reads()).toBe(reads + 1));
    memory.restart('e2');
    memory.publish(memory.store());
    await eventually(() => expect(delivered).toEqual(['e2:1']));
    memory.publish({ epoch: 'of another store', seq: 2, json: '{}' });
    memory.publish(memory.store());
    await eventually(() => expect(delivered).toEqual(['e2:1', 'e2:2']));
    expect(gaps).toEqual([]);
    expect(feeds.counters.messagesRecovered).toBe(0);
  });

  it('fills a hole from the log before it goes on', async () => {
    const { memory, delivered, gaps, join, feeds } = setUp();
    await join();
    const [, , third] = [memory.store(), memory.store(), memory.store()];
    memory.publish(third);
    await eventually(() => expect(delivered).toEqual(['e1:1', 'e1:2', 'e1:3']));
    expect(gaps).toEqual([]);
    expect(feeds.counters.messagesRecovered).toBe(3);
  });

  it('reorders entries that arrive out of order', async () => {
    const { memory, delivered, join } = setUp();
    await join();
    const entries = [memory.store(), memory.store(), memory.store(), memory.store()];
    for (const index of [1, 0, 3, 2]) memory.publish(entries[index] as (typeof entries)[0]);
    await eventually(() => expect(delivered).toEqual(['e1:1', 'e1:2', 'e1:3', 'e1:4']));
  });

  it('finds entries lost at the tail when the bus calls for a resync', async () => {
    const { memory, delivered, join } = setUp();
    await join();
    memory.store();
    memory.store();
    memory.resync();
    await eventually(() => expect(delivered).toEqual(['e1:1', 'e1:2']));
  });

  it('catches up once the log can be read again', async () => {
    const { memory, delivered, join } = setUp();
    await join();
    memory.failReads(true);
    memory.store();
    const second = memory.store();
    memory.publish(second);
    await eventually(() => expect(memory.reads()).toBeGreaterThan(3));
    expect(delivered).toEqual([]);
    memory.failReads(false);
    await eventually(() => expect(delivered).toEqual(['e1:1', 'e1:2']));
  });

  it('reports the messages that are lost if the log was trimmed past a gap', async () => {
    const { memory, delivered, gaps, join, feeds } = setUp();
    await join();
    for (let n = 0; n < 4; n += 1) memory.store();
    memory.trim(2);
    const fifth = memory.store();
    memory.publish(fifth);
    await eventually(() => expect(delivered).toEqual(['e1:3', 'e1:4', 'e1:5']));
    expect(gaps).toEqual([{ epoch: 'e1', from: 1, to: 2, reason: 'trimmed' }]);
    expect(feeds.positionOf(room)?.gaps).toEqual([{ ...gaps[0], previousEpochs: [] }]);
  });

  it('goes on silently under a new epoch that lost nothing', async () => {
    const { memory, delivered, gaps, join } = setUp();
    await join();
    memory.publish(memory.store());
    memory.restart('e2', 1);
    memory.publish(memory.store());
    await eventually(() => expect(delivered).toEqual(['e1:1', 'e2:2']));
    expect(gaps).toEqual([]);
  });

  it('reports what a restored store has lost, and delivers its replacement', async () => {
    const { memory, delivered, gaps, join, feeds } = setUp();
    await join();
    for (let n = 0; n < 3; n += 1) memory.publish(memory.store());
    memory.restart('e2', 1);
    memory.publish(memory.store());
    await eventually(() => expect(delivered).toEqual(['e1:1', 'e1:2', 'e1:3', 'e2:2']));
    expect(gaps).toEqual([{ epoch: 'e2', from: 2, to: 3, reason: 'epoch' }]);
    expect(feeds.positionOf(room)?.gaps).toEqual([{ ...gaps[0], epoch: 'e1', previousEpochs: [] }]);
    memory.publish(memory.store());
    expect(delivered.at(-1)).toBe('e2:3');
  });

  it('reports only the loss if the store was restored from before its epoch', async () => {
    const { memory, delivered, gaps, join } = setUp();
    await join();
    for (let n = 0; n < 3; n += 1) memory.publish(memory.store());
    memory.restart('e2', 3);
    memory.publish(memory.store());
    await eventually(() => expect(delivered.at(-1)).toBe('e2:4'));
    memory.restore('e3', 'e1', 2);
    memory.publish(memory.store());
    await eventually(() => expect(delivered).toEqual(['e1:1', 'e1:2', 'e1:3', 'e2:4', 'e3:3']));
    expect(gaps).toEqual([{ epoch: 'e3', from: 3, to: 4, reason: 'epoch' }]);
  });

  it('starts from 1 when the store came back empty', async () => {
    const { memory, delivered, gaps, join } = setUp();
    await join();
    for (let n = 0; n < 3; n += 1) memory.publish(memory.store());
    memory.restart('e2');
    memory.publish(memory.store());
    await eventually(() => expect(delivered.at(-1)).toBe('e2:1'));
    expect(gaps).toEqual([{ epoch: 'e2', from: 1, to: 3, reason: 'epoch' }]);
  });

  it('does not read the log without end for an entry that it lacks', async () => {
    const { memory, delivered, join } = setUp();
    await join();
    memory.publish({ epoch: 'elsewhere', seq: 9, json: '{}' });
    memory.publish(memory.store());
    await eventually(() => expect(delivered).toEqual(['e1:1']));
    const reads = memory.reads();
    memory.publish(memory.store());
    expect(memory.reads()).toBeLessThanOrEqual(reads + 1);
  });

  it('is compared with its log on demand, and only while it is leased', async () => {
    const { memory, delivered, gaps, feeds, join } = setUp();
    await feeds.compare(room);
    expect(memory.reads()).toBe(0);
    await join();
    memory.publish(memory.store());
    memory.restart('e2');
    await feeds.compare(room);
    expect(gaps).toEqual([{ epoch: 'e2', from: 1, to: 1, reason: 'epoch' }]);
    memory.publish(memory.store());
    expect(delivered).toEqual(['e1:1', 'e2:1']);
  });

  it('is unsubscribed after its last lease', async () => {
    const { memory, delivered, closed, feeds, join } = setUp();
    const first = await join();
    const second = await join();
    first.release();
    first.release();
    memory.publish(memory.store());
    expect(delivered).toEqual(['e1:1']);
    expect(closed).toEqual([]);
    second.release();
    expect(closed).toEqual([room.roomid]);
    expect(feeds.rooms()).toHaveLength(0);
    await Promise.resolve();
    memory.publish(memory.store());
    expect(delivered).toEqual(['e1:1']);
  });
});

describe('a room that is opening', () => {
  /** The first joiner has read its page and waits: `admit` lets it in. */
  async function opening() {
    const scene = setUp();
    const { memory, feeds } = scene;
    await feeds.lease(room);
    let admit = () => {};
    const waiting = new Promise<void>((resolve) => {
      admit = resolve;
    });
    const joined = feeds.attach(
      room,
      async () => {
        const page = await memory.logs.read(room, latest);
        await waiting;
        return page;
      },
      (page, since) => [...page.entries, ...since].map(({ epoch, seq }) => `${epoch}:${seq}`),
    );
    await eventually(() => expect(memory.reads()).toBe(1));
    return { ...scene, joined, admit: () => admit() };
  }

  const occasions = {
    'the subscriber has reconnected': ({ memory }) => memory.resync(),
    'the bus is silent': ({ feeds }) => feeds.compareTails(),
    'the room shall be compared': ({ feeds }) => void feeds.compare(room),
  } satisfies Record<string, (scene: Awaited<ReturnType<typeof opening>>) => void>;

  it.each(Object.entries(occasions))(
    'gives the first joiner what was lost after its page if %s',
    async (_name, comes) => {
      const scene = await opening();
      const { memory, delivered, joined, admit } = scene;
      memory.store();
      comes(scene);
      admit();
      expect(await joined).toEqual({ ok: true, value: ['e1:1'] });
      expect(delivered).toEqual(['e1:1']);
      expect(memory.reads()).toBe(2);
    },
  );

  it('gives the first joiner a message of this worker that the bus has lost', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { memory, delivered, feeds, joined, admit } = await opening();
      feeds.expectEcho(room, memory.store());
      admit();
      await joined;
      await vi.advanceTimersByTimeAsync(1_000);
      expect(delivered).toEqual(['e1:1']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('shows nothing of a log that was replaced after the page was read', async () => {
    const { memory, delivered, feeds, joined, admit } = await opening();
    memory.store();
    memory.restart('e2');
    await feeds.compare(room);
    admit();
    expect(await joined).toEqual({ ok: true, value: [] });
    expect(feeds.positionOf(room)).toMatchObject({ epoch: 'e2', seq: 0 });
    expect(delivered).toEqual([]);
  });

  it('gives a joiner with an older page what a newer page has brought', async () => {
    const { memory, joined, admit, meet } = await opening();
    memory.publish(memory.store());
    expect(await meet()).toMatchObject({ ok: true, value: { seqs: [1] } });
    admit();
    expect(await joined).toEqual({ ok: true, value: ['e1:1'] });
  });
});

describe('joining a busy room', () => {
  it('gets a page that ends where the live messages go on, wherever the bus is', async () => {
    const { memory, delivered, join } = setUp();
    await join();
    for (let round = 0; round < 50; round += 1) {
      let open = () => {};
      memory.holdReads(
        new Promise((resolve) => {
          open = resolve;
        }),
      );
      const late = round % 3 === 0 ? memory.store() : undefined;
      const joining = join();
      await Promise.resolve();
      const meanwhile = memory.store();
      if (late) memory.publish(late);
      memory.publish(meanwhile);
      memory.holdReads(undefined);
      open();
      const joined = await joining;
      expect(joined.top).toBe(memory.store().seq - 1);
      expect(joined.seqs).toEqual(
        Array.from({ length: joined.seqs.length }, (_, n) => (joined.seqs[0] as number) + n),
      );
      expect(joined.seqs.at(-1)).toBe(joined.top);
      memory.publish({ epoch: 'e1', seq: joined.top + 1, json: '{}' });
      expect(delivered.at(-1)).toBe(`e1:${joined.top + 1}`);
      joined.release();
    }
    expect(delivered).toEqual(delivered.map((_, n) => `e1:${n + 1}`));
  });

  it('brings the members up to the page before the joiner is admitted', async () => {
    const { memory, delivered, join } = setUp();
    await join();
    memory.store();
    memory.store();
    const joined = await join();
    expect(joined.top).toBe(2);
    expect(delivered).toEqual(['e1:1', 'e1:2']);
  });

  it('is refused in time while the log cannot be read', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { memory, meet, join } = setUp();
      await join();
      memory.failReads(true);
      const refused = await meet();
      expect(refused).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    } finally {
      vi.useRealTimers();
    }
  });
});
