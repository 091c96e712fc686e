import type { Room } from '../../chat/room.ts';
import type { Departure, PresenceEvent, RosterChange, RosterCount, RosterEntry } from '../../chat/roster.ts';
import { LARGE_ROOM_CLIENTS } from '../../protocol/limits.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { InstanceTable } from './instance-table.ts';
import type { RoomDirectory } from './room-directory.ts';
import { countRoom, leaveRoom, type RoomPresence } from './room-presence.ts';

/** Takes users out of rooms, and publishes who left. */
export interface Departures {
  /**
   * Publishes the departure, or the unannounced join. Without `unannounced`, which a worker of an earlier release does not
   * give, it publishes nothing, and the caller announces the departure.
   */
  exit(instanceId: string, room: Room, userId: string, clients: number, unannounced?: boolean): RosterChange;
  /** Publishes the departures if `announced` is true; otherwise the caller announces them. */
  reap(instanceId: string, announced?: boolean): readonly Departure[];
}

export interface DeparturesDeps {
  readonly instances: Pick<InstanceTable, 'find' | 'drop' | 'isFenced'>;
  readonly directory: Pick<RoomDirectory, 'find' | 'presenceIn' | 'forgetVacant'>;
  readonly connections: Pick<ConnectionTable, 'drop'>;
  readonly usersOf: (instanceId: string, room: Room) => Set<string>;
  readonly countOf: (room: Room) => RosterCount;
  readonly setClients: (instanceId: string, presence: RoomPresence, clients: number) => RosterCount;
  readonly publish: (room: Room, event: PresenceEvent) => void;
}

export function createDepartures(deps: DeparturesDeps): Departures {
  const { instances, directory, connections, usersOf, countOf, setClients, publish } = deps;

  /** Here, and not at the worker: its answer may come too late to announce anybody. */
  function publishEvent(room: Room, event: PresenceEvent['event'], user: RosterEntry, clients: number): void {
    if (room.kind === 'room' && clients <= LARGE_ROOM_CLIENTS) publish(room, { event, user });
  }

  return {
    exit(instanceId, room, userId, clients, unannounced) {
      // `reap` returns its users.
      if (instances.isFenced(instanceId)) return { ...countOf(room), changed: false };
      const presence = directory.presenceIn(room);
      usersOf(instanceId, room).delete(userId);
      const wasHere = presence.users.values.get(userId)?.instances.has(instanceId);
      const gone = leaveRoom(presence, instanceId, userId);
      const change = { ...setClients(instanceId, presence, clients), changed: gone !== undefined };
      if (unannounced === undefined) return change;
      const stays = wasHere && presence.users.values.get(userId)?.shown;
      if (gone && !unannounced) publishEvent(room, 'broadcast_quit', gone, change.clients);
      if (stays && unannounced) publishEvent(room, 'join', stays, change.clients);
      return { ...change, announced: true };
    },
    reap(instanceId, announced = false) {
      const dead = instances.find(instanceId);
      if (!dead) return [];
      instances.drop(instanceId);
      connections.drop(instanceId);
      return [...dead.rooms].flatMap(([tag, users]) => {
        const presence = directory.find(tag);
        if (!presence) return [];
        presence.clients.delete(instanceId);
        const gone = [...users].flatMap((userId) => leaveRoom(presence, instanceId, userId) ?? []);
        presence.changes.publishDue();
        const { clients } = countRoom(presence);
        directory.forgetVacant(presence);
        if (announced) for (const user of gone) publishEvent(presence.room, 'broadcast_quit', user, clients);
        return gone.map((user) => ({ room: presence.room, user, clients, announced }));
      });
    },
  };
}
