import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { DroppedFrame } from '../../../src/backend/dropped-frames.ts';
import { frameAfter, frameBefore, presenceEventFrame } from '../../../src/backend/redis/bus/frame.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { socketRoom } from '../../../src/backend/socket-room.ts';
import { createFeed } from '../../../src/chat/feed.ts';
import type { Entry } from '../../../src/chat/log-store.ts';
import { inboxOf, type Room } from '../../../src/chat/room.ts';
import { append, arrivalOf, granted, listen, newRoom, read, seqsOf, textsOf } from '../../contract/peers.ts';
import { type PeerSettings, peerForTest, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { openRedis, type RedisProcess } from '../../support/redis-server.ts';
import { memberForTest } from './adapter-member.ts';

const keys = redisKeys('rc');
const OLD = 'old-secret-of-the-bus-32-bytes-lo';
const NEW = 'new-secret-of-the-bus-32-bytes-lo';

describe('with BUS_SECRET', () => {
  let redis: RedisProcess;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());

  /** A worker that counts why it drops frames. */
  async function workerForTest(...busSecrets: string[]) {
    return workerWith({ busSecrets });
  }

  async function workerWith(settings: PeerSettings) {
    const dropped: DroppedFrame[] = [];
    const peer = await peerForTest(redis.url, { ...settings, onFrameDropped: (why) => dropped.push(why) });
    return { ...peer, dropped };
  }

  /** Another program on the same Redis, which reads and writes the channels of the rooms. */
  async function outsiderForTest() {
    const client = createClient({ url: redis.url });
    await client.connect();
    onTestFinished(() => client.destroy());
    return {
      publish: (channel: string, frame: string | Buffer) => client.sPublish(channel, frame as string),
      async captureFrom(channel: string): Promise<Buffer[]> {
        const reader = client.duplicate();
        await reader.connect();
        onTestFinished(() => reader.destroy());
        const frames: Buffer[] = [];
        await reader.sSubscribe(channel, (frame) => void frames.push(frame), true);
        return frames;
      },
    };
  }

  const forgedEntry = (room: Room, seq: number, epoch: string) =>
    `${frameBefore}{"seq":${seq},"epoch":"${epoch}","id":"i","data":{"text":"forged"}}${frameAfter(room)}`;
  const quit = { event: 'broadcast_quit', user: { userId: 'ann', username: 'Ann' } } as const;

  it('entries and presence of every worker arrive, and those of other programs do not', async () => {
    const [writer, reader] = [await workerForTest(OLD), await workerForTest(OLD)];
    const room = newRoom();
    const { entries, told } = await listen(reader, room);
    const outsider = await outsiderForTest();
    const { epoch } = await append(writer, room, 'ours');
    await arrivalOf(1, entries);
    await outsider.publish(keys.channel(room), forgedEntry(room, 2, epoch));
    await outsider.publish(keys.channel(room), presenceEventFrame(room, quit));
    granted(await writer.bus.notify(room, { event: 'join', user: quit.user }));
    // Enter and exit publish from scripts, two frames at once.
    granted(await writer.roster.enter(room, { userId: 'bo', username: 'Bo' }, 1, 1));
    granted(await writer.roster.exit(room, 'bo', 0, false));
    await append(writer, room, 'ours again');
    await arrivalOf(2, entries);
    expect(textsOf(entries)).toEqual(['ours', 'ours again']);
    expect(told.filter((one) => 'event' in one)).toEqual([
      { event: 'join', user: quit.user },
      { event: 'broadcast_quit', user: { userId: 'bo', username: 'Bo' } },
    ]);
    expect(reader.dropped).toEqual(['unsigned', 'unsigned']);
  });

  it('a frame is good once, unchanged, and on its own channel', async () => {
    const [writer, reader] = [await workerForTest(OLD), await workerForTest(OLD)];
    const [room, other] = [newRoom(), newRoom()];
    const { entries, told } = await listen(reader, room);
    const elsewhere = await listen(reader, other);
    const outsider = await outsiderForTest();
    const frames = await outsider.captureFrom(keys.channel(room));
    await append(writer, room, 'ours');
    granted(await writer.bus.notify(room, quit));
    await eventually(() => expect([entries.length, told.length, frames.length]).toEqual([1, 1, 2]));
    for (const frame of [...frames]) {
      await outsider.publish(keys.channel(room), frame);
      await outsider.publish(keys.channel(room), frame.toString().replace(/Ann/, 'Eve'));
      await outsider.publish(keys.channel(other), frame);
    }
    await append(writer, room, 'the last');
    await append(writer, other, 'beside');
    await arrivalOf(2, entries);
    await arrivalOf(1, elsewhere.entries);
    expect([textsOf(entries), told]).toEqual([['ours', 'the last'], [quit]]);
    expect([textsOf(elsewhere.entries), elsewhere.told]).toEqual([['beside'], []]);
    const each = ['replayed', 'forged', 'forged'];
    expect(reader.dropped).toEqual([...each, ...each]);
  });

  it('a secret is replaced in steps, without a break', async () => {
    const steps = [[OLD], [OLD, NEW], [NEW, OLD], [NEW]];
    const workers = await Promise.all(steps.map((secrets) => workerForTest(...secrets)));
    const heard = async (from: number, by: number) => {
      const room = newRoom();
      const [writer, reader] = [workers[from], workers[by]];
      if (!writer || !reader) throw new Error('no such worker');
      const { entries, told, close } = await listen(reader, room);
      await append(writer, room, 'stored');
      granted(await writer.bus.notify(room, quit));
      // A channel is ordered: what comes last shows that the others were dropped.
      const own = await append(reader, room, 'its own');
      await arrivalOf(own.seq, entries);
      close();
      return [seqsOf(entries).length, told.length];
    };
    for (const [one, next] of [
      [0, 1],
      [1, 2],
      [2, 3],
    ] as const) {
      expect([await heard(one, next), await heard(next, one)]).toEqual([
        [2, 1],
        [2, 1],
      ]);
    }
    expect(workers.flatMap(({ dropped }) => dropped)).toEqual([]);
    // Two steps at once would be too much.
    expect(await heard(0, 3)).toEqual([1, 0]);
    expect(workers[3]?.dropped).toEqual(['forged', 'forged']);
  });

  it('BUS_UNSIGNED=accept lets workers without a secret run beside', async () => {
    const without = await workerWith({});
    const accepting = await workerWith({ busSecrets: [OLD], busUnsigned: 'accept' });
    const strict = await workerForTest(OLD);
    const room = newRoom();
    const [atFirst, between, atLast] = [
      await listen(without, room),
      await listen(accepting, room),
      await listen(strict, room),
    ];
    for (const writer of [without, accepting, strict]) {
      await append(writer, room, 'text');
      granted(await writer.bus.notify(room, quit));
    }
    for (const { entries } of [atFirst, between, atLast]) await arrivalOf(3, entries);
    await eventually(() =>
      expect([atFirst, between, atLast].map(({ told }) => told.length)).toEqual([3, 3, 2]),
    );
    expect([accepting.dropped, strict.dropped]).toEqual([[], ['unsigned', 'unsigned']]);
    const outsider = await outsiderForTest();
    const frames = await outsider.captureFrom(keys.channel(room));
    granted(await strict.bus.notify(room, quit));
    await eventually(() => expect(frames).toHaveLength(1));
    await outsider.publish(keys.channel(room), String(frames[0]).replace(/Ann/, 'Eve'));
    await eventually(() => expect(accepting.dropped).toEqual(['forged']));
  });

  describe.each([
    ['without it', undefined],
    ['with it', OLD],
  ])('%s, what somebody else publishes', (_, secret) => {
    const settings = secret === undefined ? {} : { busSecrets: [secret] };

    it(`${secret ? 'displaces no message' : 'takes the place of an acknowledged message'}`, async () => {
      const [writer, reader] = [await workerWith(settings), await workerWith(settings)];
      const room = newRoom();
      const delivered: Entry[] = [];
      const feed = createFeed(room, {
        logs: reader.logs,
        deliver: (_room, entry) => delivered.push(entry),
        onGap: () => undefined,
        counters: { duplicatesDropped: 0, messagesRecovered: 0 },
        log: silent,
      });
      granted(await reader.bus.subscribe(room, (entry) => feed.accept(entry)));
      const { epoch } = await append(writer, room, 'before');
      await feed.attach(await read(reader, room), () => undefined);
      await (await outsiderForTest()).publish(keys.channel(room), forgedEntry(room, 2, epoch));
      await append(writer, room, 'acknowledged');
      await append(writer, room, 'the last');
      await arrivalOf(3, delivered);
      expect(textsOf(delivered)).toEqual([secret === undefined ? 'forged' : 'acknowledged', 'the last']);
    });

    it(`${secret ? 'moves and ends no socket' : 'joins sockets to any inbox, and ends them'}`, async () => {
      const [a, b] = [await workerWith(settings), await workerWith(settings)];
      const here = await memberForTest(a.adapter, '/', 'anything');
      const there = await memberForTest(b.adapter, '/', 'anything');
      await eventually(async () => expect(await here.server.fetchSockets()).toHaveLength(2));
      const outsider = await outsiderForTest();
      const inbox = socketRoom(inboxOf('/', 'victim'));
      const everybody = { opts: { rooms: [], except: [], flags: {} } };
      const order = (type: number, data: object) =>
        outsider.publish('rc#/#', JSON.stringify({ uid: 'outsider', type, nsp: '/', data }));
      const asked = new Promise<string>((resolve) => {
        there.server.on('order', (what: string) => resolve(what));
      });
      await order(4, { ...everybody, rooms: [inbox] });
      // The adapters' own requests still work, and arrive behind it.
      here.server.serverSideEmit('order', 'ours');
      expect(await asked).toBe('ours');
      expect([...there.socket.rooms].includes(inbox)).toBe(secret === undefined);
      await order(6, { ...everybody, close: true });
      await eventually(async () => {
        expect(there.client.connected).toBe(secret !== undefined);
        expect(b.dropped).toEqual(secret === undefined ? [] : ['unsigned', 'unsigned']);
      });
    });
  });

  it('the adapters carry requests, their answers and bytes, each once', async () => {
    const [a, b] = [await workerForTest(OLD), await workerForTest(OLD)];
    const here = await memberForTest(a.adapter, '/', 'room');
    const there = await memberForTest(b.adapter, '/', 'room');
    const outsider = await outsiderForTest();
    await eventually(async () => expect(await here.server.fetchSockets()).toHaveLength(2));
    there.server.on('question', (answer: (what: string) => void) => answer('an answer'));
    expect(await here.server.serverSideEmitWithAck('question')).toEqual(['an answer']);
    // From here on the adapters count one server more, which never answers.
    const frames = await outsider.captureFrom('rc#/#');
    const bytes: unknown[] = [];
    there.client.on('bytes', (data: unknown) => bytes.push(data));
    here.server.to(['room', 'other']).emit('bytes', Buffer.from([1, 2, 3]));
    await eventually(() => expect(bytes).toEqual([Buffer.from([1, 2, 3])]));
    const captured = [...frames];
    for (const frame of captured) await outsider.publish('rc#/#', frame);
    await eventually(() => expect(b.dropped).toEqual(captured.map(() => 'replayed')));
    expect([captured.length, bytes.length]).toEqual([1, 1]);
  });
});
