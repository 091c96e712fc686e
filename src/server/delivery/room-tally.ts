import { socketRoom, tagOfSocketRoom } from '../../backend/socket-room.ts';
import type { Room } from '../../chat/room.ts';
import { type ActiveRoom, REPORTED_ROOMS, type RoomActivity } from '../../room-activity.ts';
import type { ChatNamespace } from '../socket-types.ts';

export interface RoomTallyDeps {
  readonly namespaces: readonly Pick<ChatNamespace, 'name' | 'adapter'>[];
  /** A clock that only rises, ms. */
  readonly now: () => number;
}

/**
 * Counts what is written to each room, but only while somebody looks: from one question to the next. When nobody has
 * asked for `FORGET_MS` it stops, and costs nothing any more.
 */
export interface RoomTally {
  /** Messages were written to so many members of the room. */
  written(room: Room, messages: number, members: number): void;
  /** The largest rooms among these, and those that were written most since the last question. */
  report(rooms: Iterable<Room>): Pick<RoomActivity, 'largest' | 'busiest'>;
}

interface Written {
  readonly room: Room;
  messages: number;
  deliveries: number;
}

interface Counting {
  readonly since: number;
  readonly byTag: Map<string, Written>;
}

export const FORGET_MS = 30_000;

export function createRoomTally({ namespaces, now }: RoomTallyDeps): RoomTally {
  let counting: Counting | undefined;

  function clientsOf(room: Room): number {
    const namespace = namespaces.find(({ name }) => name === room.nsp);
    return namespace?.adapter.rooms.get(socketRoom(room))?.size ?? 0;
  }

  /** Socket.IO's tables have the sizes by name. Making the name of each room took 20 ms for 10,000 of them. */
  function largestTags(): ReadonlySet<string> {
    const largest = createTop<string>();
    for (const { adapter } of namespaces) {
      for (const [name, { size }] of adapter.rooms) {
        if (size < largest.lowest()) continue;
        const tag = tagOfSocketRoom(name);
        if (tag !== undefined) largest.add(tag, tag, size);
      }
    }
    return new Set(largest.items());
  }

  function shown(room: Room, counted: Counting | undefined): ActiveRoom {
    const written = counted?.byTag.get(room.tag);
    const seconds = counted === undefined ? 1 : Math.max(0.001, (now() - counted.since) / 1_000);
    return {
      nsp: room.nsp,
      roomid: room.roomid,
      clients: clientsOf(room),
      messages: (written?.messages ?? 0) / seconds,
      deliveries: (written?.deliveries ?? 0) / seconds,
    };
  }

  return {
    written(room, messages, members) {
      if (counting === undefined) return;
      if (now() - counting.since > FORGET_MS) {
        counting = undefined;
        return;
      }
      const known = counting.byTag.get(room.tag);
      if (known) {
        known.messages += messages;
        known.deliveries += messages * members;
      } else counting.byTag.set(room.tag, { room, messages, deliveries: messages * members });
    },
    report(rooms) {
      const counted = counting;
      counting = { since: now(), byTag: new Map() };
      const tags = largestTags();
      const largest: ActiveRoom[] = [];
      for (const room of rooms) if (tags.has(room.tag)) largest.push(shown(room, counted));
      const busiest = createTop<Room>();
      for (const { room, deliveries } of counted?.byTag.values() ?? [])
        busiest.add(room, room.tag, deliveries);
      return {
        largest: largest.sort((one, other) => other.clients - one.clients),
        busiest: busiest.items().map((room) => shown(room, counted)),
      };
    },
  };
}

interface Scored<Item> {
  readonly item: Item;
  readonly tag: string;
  readonly score: number;
}

/** Keeps the highest in order. */
function createTop<Item>() {
  const kept: Scored<Item>[] = [];
  let lowest = 1;

  return {
    /** The least number that is kept. */
    lowest: () => lowest,
    add(item: Item, tag: string, score: number): void {
      if (score < lowest) return;
      const scored = { item, tag, score };
      const place = kept.findIndex((other) => isBefore(scored, other));
      kept.splice(place === -1 ? kept.length : place, 0, scored);
      if (kept.length > REPORTED_ROOMS) kept.pop();
      if (kept.length === REPORTED_ROOMS) lowest = kept.at(-1)?.score ?? 1;
    },
    items: (): readonly Item[] => kept.map(({ item }) => item),
  };
}

/** A tie is broken by the tag, so that all workers report the same of many equal rooms, and their parts add up. */
function isBefore(one: Scored<unknown>, other: Scored<unknown>): boolean {
  return one.score > other.score || (one.score === other.score && one.tag < other.tag);
}
