import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { ReportedPresence } from '../../reported-presence.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import { ROSTER_KEYS_LIVE_MS } from './room-scripts.ts';
import type { RoomTurns } from './room-turns.ts';

export interface InboxConnectionsDeps {
  readonly redis: Pick<RedisCommands, 'call'>;
  readonly keys: Pick<RedisKeys, 'connections'>;
  readonly instanceId: string;
  readonly turns: RoomTurns;
  readonly reported: Pick<ReportedPresence, 'connectionsOf'>;
  /** Lists an inbox in the instance's index. */
  readonly occupy: (inbox: Room) => Promise<Outcome<unknown>>;
  readonly vacate: (inbox: Room) => Promise<Outcome<unknown>>;
}

/** Writes how many connections an inbox's user has on this instance. */
export function createInboxConnections(deps: InboxConnectionsDeps) {
  const { redis, keys, instanceId, turns, reported, occupy, vacate } = deps;

  function set(inbox: Room, connections: number): Promise<Outcome<unknown>> {
    const key = keys.connections(inbox);
    return turns.afterListing(inbox, occupy(inbox), () =>
      allValues<unknown>([
        redis.call(['HSET', key, instanceId, String(connections)]),
        redis.call(['PEXPIRE', key, ROSTER_KEYS_LIVE_MS]),
      ]),
    );
  }

  /** The inbox stays listed until its connections are certainly gone, and if the user is back by then. */
  async function remove(inbox: Room): Promise<Outcome<unknown>> {
    const removed = await turns.inTurn(inbox, () =>
      redis.call(['HDEL', keys.connections(inbox), instanceId]),
    );
    if (!removed.ok || reported.connectionsOf(inbox) > 0) return removed;
    return vacate(inbox);
  }

  return async (inbox: Room, connections: number): Promise<Outcome<void>> => {
    const sent = await (connections > 0 ? set(inbox, connections) : remove(inbox));
    return sent.ok ? succeed(undefined) : sent;
  };
}
