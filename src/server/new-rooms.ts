import type { Feeds } from '../chat/feeds.ts';
import type { RoomLogs } from '../chat/log-store.ts';
import { createBucket, createSharedBuckets, type Rate } from '../chat/rate-limit.ts';
import type { Room } from '../chat/room.ts';
import { type Refusal, refuse } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import type { Session } from './session.ts';
import { timesConnections } from './transport/address-budgets.ts';

export interface NewRoomsDeps {
  /** RATE_ROOMS. */
  readonly rate: Rate | undefined;
  readonly logs: Pick<RoomLogs, 'tops'>;
  readonly feeds: Pick<Feeds, 'positionOf'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** RATE_ROOMS: the store keeps what it knows of a room for days, also when nobody says anything there. */
export interface NewRooms {
  /** Takes a token from the connection and its address if the store does not know the room. Refuses if there is none. */
  admit(session: Pick<Session, 'budget'>, room: Room): Promise<Refusal | undefined>;
  /** The same for a user whose token reads the room over HTTP, where no connection has a budget. */
  admitReader(userId: string, room: Room): Promise<Refusal | undefined>;
}

export function createNewRooms({ rate, logs, feeds, now }: NewRoomsDeps): NewRooms & Sized {
  const ofAddress = createSharedBuckets(timesConnections(rate), now);
  const ofReader = createSharedBuckets(rate, now);

  async function isKnown(room: Room): Promise<boolean> {
    // Somebody on this worker is there. So a crowd that joins a room costs the store next to nothing here.
    if (feeds.positionOf(room)) return true;
    const tops = await logs.tops([room]);
    // The join itself is refused if the store does not answer.
    const end = tops.ok ? tops.value[0] : undefined;
    return end === undefined || end.epoch !== undefined;
  }

  return {
    sizes: () => ({ ofAddress: ofAddress.size, ofReader: ofReader.size }),
    async admit({ budget }, room) {
      if (!rate || (await isKnown(room))) return undefined;
      const { address } = budget;
      const waitMs =
        budget.bucket('rooms', () => createBucket(rate, now)).take() ||
        (address === undefined ? 0 : ofAddress.take(address));
      return refusalOf(waitMs);
    },
    async admitReader(userId, room) {
      return rate && !(await isKnown(room)) ? refusalOf(ofReader.take(userId)) : undefined;
    },
  };
}

function refusalOf(waitMs: number): Refusal | undefined {
  return waitMs > 0 ? refuse('rate_limited', 'roomid: too many new rooms', waitMs) : undefined;
}
