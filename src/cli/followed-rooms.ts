import type { StreamState } from './event-source.ts';

export interface FollowedRoomsDeps {
  readonly maxRooms: number;
  /** Resolves when the signal has ended it. */
  readonly follow: (roomid: string, state: StreamState, dropped: AbortSignal) => Promise<void>;
  readonly retryMs: number;
  readonly onFailed: (error: unknown) => void;
  /** Called once, when there is no place for a room. */
  readonly onFull: () => void;
}

/** The rooms that `roomcast tail` follows. */
export interface FollowedRooms {
  /** `begin` returns the id after which the stream begins. It is not asked for a room that was followed before. */
  start(roomid: string, begin: () => Promise<string>): void;
  /**
   * Starts the rooms that are new in the list, and drops those that are in it no more. One that cannot begin yet is tried
   * again with the next list.
   */
  keep(
    listed: { readonly rooms: readonly string[]; readonly complete: boolean },
    begin: (roomid: string) => Promise<string>,
  ): void;
  /** Resolves when all have ended. */
  over(): Promise<void>;
}

/** A room must be missing from so many lists: its last messages may still be on their way. */
const MISSES = 2;

interface Followed {
  readonly dropped: AbortController;
  readonly ended: Promise<void>;
  misses: number;
}

export function createFollowedRooms(deps: FollowedRoomsDeps): FollowedRooms {
  const { maxRooms, follow, retryMs, onFailed, onFull } = deps;
  const followed = new Map<string, Followed>();
  /** The positions of all rooms' streams. A dropped room goes on at its position when somebody returns. */
  const states = new Map<string, StreamState>();
  let isFull = false;

  async function run(roomid: string, begin: () => Promise<string>, dropped: AbortSignal): Promise<void> {
    const state = states.get(roomid) ?? { lastEventId: await begin(), retryMs };
    states.set(roomid, state);
    if (!dropped.aborted) await follow(roomid, state, dropped);
  }

  function start(roomid: string, begin: () => Promise<string>, failed = onFailed): void {
    if (followed.has(roomid)) return;
    if (followed.size >= maxRooms) {
      if (!isFull) onFull();
      isFull = true;
      return;
    }
    const dropped = new AbortController();
    const ended = run(roomid, begin, dropped.signal).catch(failed);
    followed.set(roomid, { dropped, ended, misses: 0 });
  }

  return {
    start: (roomid, begin) => start(roomid, begin),
    keep({ rooms, complete }, begin) {
      const present = new Set(rooms);
      for (const [roomid, one] of followed) {
        one.misses = present.has(roomid) || !complete ? 0 : one.misses + 1;
        if (one.misses < MISSES) continue;
        one.dropped.abort();
        followed.delete(roomid);
      }
      for (const roomid of rooms)
        start(
          roomid,
          () => begin(roomid),
          () => followed.delete(roomid),
        );
    },
    async over() {
      await Promise.all(Array.from(followed.values(), ({ ended }) => ended));
    },
  };
}
