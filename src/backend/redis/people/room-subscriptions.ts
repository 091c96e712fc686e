import type { Room } from '../../../chat/room.ts';
import type { RoomSubscription, RoomSubscriptions } from '../../../chat/room-subscriptions.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Retention } from '../retention.ts';
import type { Scripts } from '../scripts.ts';

export interface RedisRoomSubscriptionsDeps {
  readonly redis: RedisCommands;
  readonly scripts: Pick<Scripts, 'subscribeRoom' | 'subscribedRooms'>;
  readonly keys: RedisKeys;
  readonly retention: (inbox: Room) => Retention;
}

type SubscribeReply = [marker: string, isNew: number];

const MOST_ROOMS = '1000';

export function createRedisRoomSubscriptions({
  redis,
  scripts,
  keys,
  retention,
}: RedisRoomSubscriptionsDeps): RoomSubscriptions {
  async function subscribe(
    inbox: Room,
    roomid: string,
    seq: number,
    initial: number,
  ): Promise<Outcome<SubscribeReply>> {
    const lifetimeMs = String(retention(inbox).logTtlMs);
    const args = [roomid, String(seq), lifetimeMs, MOST_ROOMS, String(initial)];
    return redis.evaluate<SubscribeReply>(scripts.subscribeRoom, keys.roomSubscriptions(inbox), args);
  }

  async function leave(inbox: Room, roomid: string): Promise<Outcome<boolean>> {
    const [markers, order] = keys.roomSubscriptions(inbox);
    const [unmarked, unlisted] = await Promise.all([
      redis.call(['HDEL', markers, roomid]),
      redis.call<number>(['ZREM', order, roomid]),
    ]);
    if (!unmarked.ok) return unmarked;
    return unlisted.ok ? succeed(unlisted.value === 1) : unlisted;
  }

  async function set(inbox: Room, roomid: string, joined: boolean, top = 0): Promise<Outcome<boolean>> {
    if (!joined) return leave(inbox, roomid);
    const subscribed = await subscribe(inbox, roomid, 0, top);
    return subscribed.ok ? succeed(subscribed.value[1] === 1) : subscribed;
  }

  async function list(inbox: Room): Promise<Outcome<readonly RoomSubscription[]>> {
    const flat = await redis.evaluate<string[]>(scripts.subscribedRooms, keys.roomSubscriptions(inbox), []);
    if (!flat.ok) return flat;
    const rooms = [];
    for (let index = 0; index < flat.value.length; index += 2) {
      rooms.push({ roomid: flat.value[index] ?? '', read: Number(flat.value[index + 1]) });
    }
    return succeed(rooms);
  }

  async function has(inbox: Room, roomid: string): Promise<Outcome<boolean>> {
    const found = await redis.call<number>(['HEXISTS', keys.roomSubscriptions(inbox)[0], roomid]);
    return found.ok ? succeed(found.value === 1) : found;
  }

  async function raiseReadMarker(inbox: Room, roomid: string, seq: number): Promise<Outcome<number>> {
    const subscribed = await subscribe(inbox, roomid, seq, 0);
    return subscribed.ok ? succeed(Number(subscribed.value[0])) : subscribed;
  }

  return { set, raiseReadMarker, has, list };
}
