import type { Entry } from '../../src/chat/log-store.ts';
import type { LoggedRooms } from '../../src/chat/logged-rooms.ts';
import { type Room, roomOf } from '../../src/chat/room.ts';
import type { Outcome } from '../../src/protocol/codes.ts';

export interface MemoryLoggedRoomsDeps {
  /** The logs by their tags. */
  readonly logs: ReadonlyMap<string, { readonly entries: readonly Entry[] }>;
  /** Runs the work, or refuses it as the test says. */
  readonly answer: <T>(what: string, room: undefined, work: () => T) => Promise<Outcome<T>>;
}

/** The listing of rooms with an entry in memory: its places are tags. */
export function createMemoryLoggedRooms({ logs, answer }: MemoryLoggedRoomsDeps): LoggedRooms {
  return {
    list: (nsp, { after = '', limit }) =>
      answer('loggedRooms', undefined, () => {
        const tags = [...logs.keys()].filter((tag) => tag > after).sort();
        const looked = tags.slice(0, limit);
        const roomids = looked.flatMap((tag) => {
          const newest = logs.get(tag)?.entries.at(-1);
          if (!newest) return [];
          const { roomid = '' } = JSON.parse(newest.json) as Partial<Pick<Room, 'roomid'>>;
          return roomOf(nsp, roomid).tag === tag ? [roomid] : [];
        });
        return { roomids, ...(tags.length > limit && { next: looked.at(-1) as string }) };
      }),
  };
}
