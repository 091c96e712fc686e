import { createShardedAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import type { Namespace } from 'socket.io';
import { type Adapter, type ClusterMessage, MessageType } from 'socket.io-adapter';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  frameAfter,
  frameBefore,
  parseFrame,
  parsePresenceEvent,
  presenceEventFrame,
} from '../../../src/backend/redis/bus/frame.ts';
import { redisKeys } from '../../../src/backend/redis/keys.ts';
import { socketRoom } from '../../../src/backend/socket-room.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { append, arrivalOf, listen, newRoom } from '../../contract/peers.ts';
import { peerForTest, redisForTest } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { memberForTest } from './adapter-member.ts';

const keys = redisKeys('rc');

async function stockAdapterForTest(url: string) {
  const [publisher, subscriber] = [createClient({ url }), createClient({ url })];
  await Promise.all([publisher.connect(), subscriber.connect()]);
  onTestFinished(async () => {
    // Not `destroy`: the stock adapter's last unsubscribes are under way, and nobody handles their rejection.
    await Promise.all([publisher.close(), subscriber.close()]);
  });
  const options = { channelPrefix: 'rc', subscriptionMode: 'dynamic' } as const;
  return createShardedAdapter(publisher, subscriber, options) as unknown as (nsp: Namespace) => Adapter;
}

describe('the bus as Socket.IO sees it', () => {
  it.each(['/', '/post'])('delivers a room of %s to a stock server on the sharded adapter', async (nsp) => {
    const redis = await redisForTest();
    const writer = await peerForTest(redis.url);
    const room = newRoom(nsp);
    const { heard, socket } = await memberForTest(
      await stockAdapterForTest(redis.url),
      nsp,
      socketRoom(room),
    );
    await eventually(async () =>
      expect(await redis.ask(`PUBSUB SHARDNUMSUB ${keys.channel(room)}`)).toContain(':1'),
    );
    await append(writer, room, 'not to the sender', { except: socket.id });
    const { seq, epoch } = await append(writer, room, 'to all "of" you ü');
    await eventually(() => expect(heard).toHaveLength(1));
    expect(heard[0]).toMatchObject({
      event: 'broadcast_say',
      seq,
      epoch,
      data: { text: 'to all "of" you ü' },
    });
  });

  it('publishes what the adapter itself would: a broadcast of the emitter to one room', () => {
    const room = roomOf('/post', 'r');
    const frame = `${frameBefore}{"seq":7,"epoch":"e","id":"i"}${frameAfter(room, 'sid-1')}`;
    const message: ClusterMessage = JSON.parse(frame);
    expect(message).toEqual({
      uid: 'emitter',
      nsp: '/post',
      type: MessageType.BROADCAST,
      data: {
        opts: { rooms: [socketRoom(room)], except: ['sid-1'], flags: {} },
        packet: { type: 2, data: ['message', { seq: 7, epoch: 'e', id: 'i' }], nsp: '/post' },
      },
    });
    const json = '{"seq":7,"epoch":"e","id":"i"}';
    const entry = parseFrame(Buffer.from(frame));
    expect(entry).toMatchObject({ epoch: 'e', seq: 7, json, except: 'sid-1' });
    expect(String(entry?.utf8)).toBe(json);
  });

  it('publishes a join as the adapter would, and recognises it', () => {
    const user = { userId: 'ann', username: 'Ann', avatar: '1.jpg' };
    const frame = presenceEventFrame(roomOf('/', 'tea'), { event: 'join', user });
    const message = JSON.parse(frame) as { data: { packet: { data: unknown[] } } };
    expect(message.data.packet.data).toEqual(['message', { event: 'join', roomid: 'tea', data: user }]);
    expect(parsePresenceEvent(Buffer.from(frame))).toEqual({ event: 'join', user });
    const foreign = frame.replace('"event":"join"', '"event":"else"');
    expect(parsePresenceEvent(Buffer.from(foreign))).toBeUndefined();
  });

  it.each([
    '',
    '{}',
    `${frameBefore}{"event":"join"}],"nsp":"/"}`,
    `${frameBefore}{"seq":,"epoch":"e"}],"nsp":"/"}`,
    `${frameBefore}{"seq":1,"epoch":"e`,
    `${frameBefore}{"seq":1,"epoch":"e"}`,
    '{"uid":"abc","nsp":"/","type":3,"data":{"packet":{"type":2,"data":["message",{"seq":1,"epoch":"e"}],"nsp":"/"}}}',
  ])('takes nothing else for a message of a log: %j', (frame) => {
    expect(parseFrame(Buffer.from(frame))).toBeUndefined();
  });

  it('carries live events between workers, and gives log entries to the bus only', async () => {
    const redis = await redisForTest();
    const [a, b] = [await peerForTest(redis.url), await peerForTest(redis.url)];
    const room = newRoom();
    const here = await memberForTest(a.adapter, '/', socketRoom(room));
    const there = await memberForTest(b.adapter, '/', socketRoom(room));
    const typing: string[] = [];
    here.client.on('typing', (who: string) => typing.push(`here ${who}`));
    there.client.on('typing', (who: string) => typing.push(`there ${who}`));
    const onBus = await listen(b, room);
    await eventually(async () =>
      expect(await redis.ask(`PUBSUB SHARDNUMSUB ${keys.channel(room)}`)).toContain(':2'),
    );
    await append(a, room, 'stored');
    await arrivalOf(1, onBus.entries);
    here.server.to(socketRoom(room)).emit('typing', 'ann');
    await eventually(() => expect(typing.sort()).toEqual(['here ann', 'there ann']));
    // The channel is ordered: had the adapter been handed the stored message, it would be there before.
    expect([here.heard, there.heard]).toEqual([[], []]);
    await eventually(async () => expect(await here.server.fetchSockets()).toHaveLength(2));
  });

  it('carries nothing to the workers of another database of the server', async () => {
    const redis = await redisForTest();
    const orders: string[] = [];
    const open = async (name: string, database: number) => {
      const peer = await peerForTest(`${redis.url}/${database}`);
      const member = await memberForTest(peer.adapter, '/', 'user:ann');
      member.server.on('order', (what: string) => orders.push(`${name} hears ${what}`));
      return member;
    };
    const [here, there, beside] = [await open('here', 0), await open('there', 1), await open('beside', 1)];
    const announced = `PUBSUB SHARDNUMSUB ${redisKeys('rc', 1).channelPrefix}#/#`;
    await eventually(async () => expect(await redis.ask(announced)).toContain(':2'));
    here.server.serverSideEmit('order', 'kick');
    here.server.disconnectSockets();
    await eventually(() => expect(here.client.connected).toBe(false));
    // One connection to Redis publishes in order: what was sent first would have come first.
    await here.socket.nsp.adapter.serverCount();
    there.server.serverSideEmit('order', 'a kick of its own');
    await eventually(() => expect(orders).toEqual(['beside hears a kick of its own']));
    expect([there.client.connected, beside.client.connected]).toEqual([true, true]);
  });

  it('delivers live events to its own members at once while Redis is frozen, and leaves no rejection unhandled', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.removeListener('unhandledRejection', note));
    const redis = await redisForTest();
    const peer = await peerForTest(redis.url);
    const { server, client } = await memberForTest(peer.adapter, '/', 'staff');
    redis.freeze();
    const heard = new Promise<void>((resolve) => client.once('news', resolve));
    const answers: string[] = [];
    void peer.check().then(() => answers.push('check'));
    void heard.then(() => answers.push('news'));
    server.to('staff').emit('news');
    await eventually(() => expect(answers).toEqual(['news', 'check']));
    server.serverSideEmit('anyone', () => undefined);
    server.socketsJoin('elsewhere');
    server.socketsLeave('elsewhere');
    expect(await server.fetchSockets()).toHaveLength(1);
    redis.thaw();
    await eventually(async () => expect((await peer.check()).ok).toBe(true));
    expect(unhandled).toEqual([]);
  });
});
