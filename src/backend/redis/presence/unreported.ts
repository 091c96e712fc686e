import { inBatches } from '../../../chat/batches.ts';
import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import type { ReportedPresence } from '../../reported-presence.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { ALL_OCCUPIED, decodeRoom, type OccupiedRooms } from './occupied-rooms.ts';

export interface UnreportedDeps {
  readonly redis: Pick<RedisCommands, 'call'>;
  readonly keys: Pick<RedisKeys, 'roster'>;
  readonly instanceId: string;
  readonly occupied: Pick<OccupiedRooms, 'eachPage'>;
  readonly reported: ReportedPresence;
  /** Takes out a user whose departure the members have been told. */
  readonly exit: (room: Room, userId: string, clients: number) => Promise<Outcome<unknown>>;
  readonly setConnections: (inbox: Room, connections: number) => Promise<Outcome<void>>;
}

/**
 * Takes out of the roster whom it lists on this instance although this instance does not report them: a replica that was
 * promoted may lack the newest exits. Returns whether the store accepted all of it.
 */
export function createRemoveUnreported(deps: UnreportedDeps): () => Promise<boolean> {
  const { redis, keys, instanceId, occupied, reported, exit, setConnections } = deps;

  async function removeFrom(room: Room): Promise<boolean> {
    if (room.kind === 'inbox') return reported.connectionsOf(room) > 0 || (await setConnections(room, 0)).ok;
    const [, , , ofInstance] = keys.roster(room, instanceId);
    const listed = await redis.call<string[]>(['HKEYS', ofInstance]);
    if (!listed.ok) return false;
    // In the turn in which they are looked up: a user who enters from now on is sent after the exit.
    const exits = listed.value
      .filter((userId) => !reported.userIn(room, userId))
      .map((userId) => exit(room, userId, reported.clientsIn(room)));
    return (await Promise.all(exits)).every(({ ok }) => ok);
  }

  return async () => {
    let accepted = true;
    const read = await occupied.eachPage(instanceId, ALL_OCCUPIED, (members) =>
      inBatches(members, async (member) => {
        if (!(await removeFrom(decodeRoom(member)))) accepted = false;
      }),
    );
    return read.ok && accepted;
  };
}
