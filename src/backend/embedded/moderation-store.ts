import type { Moderation, Restricted, Restriction } from '../../chat/moderation.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { CommitQueue } from './commit-queue.ts';
import { lasting, type Restrictions, refusalFor, restrictionKey } from './restrictions.ts';
import type { ReadSnapshot } from './tables.ts';

type Tagged = Pick<Room, 'tag'>;

/** As `Moderation`; a tag is all it takes. */
export interface ModerationStore extends Moderation {
  restrict(room: Tagged, userId: string, kind: Restriction, seconds?: number): Promise<Outcome<Restricted>>;
  lift(room: Tagged, userId: string, kind: Restriction): Promise<Outcome<boolean>>;
  restrictions(room: Tagged, userId: string): Promise<Outcome<Restrictions>>;
  /** Refuses a banned user. At once, so that nothing lies between this and what it is asked for. */
  admit(room: Tagged, userId: string): Outcome<void>;
}

export interface ModerationStoreDeps {
  readonly readSnapshot: ReadSnapshot;
  readonly queue: CommitQueue;
  readonly now: () => number;
}

const ROW_BYTES = 100;

/** Restrictions change in the commits of the logs: what was appended after one was, has seen it. */
export function createModerationStore({ readSnapshot, queue, now }: ModerationStoreDeps): ModerationStore {
  return {
    restrict(room, userId, kind, seconds) {
      const key = restrictionKey(room, userId);
      return queue.add({
        bytes: ROW_BYTES,
        plan(transaction): Restricted {
          const until = seconds === undefined ? undefined : transaction.now + seconds * 1000;
          const restricted = until === undefined ? {} : { until };
          const others = lasting(transaction.row('restrictions', key), transaction.now);
          transaction.put({ table: 'restrictions', key, value: { ...others, [kind]: restricted } });
          if (until !== undefined)
            transaction.write({ table: 'expiries', key: [until, 'restrictions', key], value: true });
          return restricted;
        },
      });
    },
    lift(room, userId, kind) {
      const key = restrictionKey(room, userId);
      return queue.add({
        bytes: ROW_BYTES,
        plan(transaction) {
          const held = lasting(transaction.row('restrictions', key), transaction.now);
          if (!held?.[kind]) return false;
          const { [kind]: _, ...others } = held;
          const left = lasting(others, transaction.now);
          transaction.put({ table: 'restrictions', key, ...(left ? { value: left } : {}) });
          return true;
        },
      });
    },
    async restrictions(room, userId) {
      return readSnapshot(
        (snapshot) => lasting(snapshot.row('restrictions', restrictionKey(room, userId)), now()) ?? {},
      );
    },
    admit(room, userId) {
      const held = readSnapshot((snapshot) => snapshot.row('restrictions', restrictionKey(room, userId)));
      if (!held.ok) return held;
      return refusalFor(held.value, ['ban'], now()) ?? succeed(undefined);
    },
  };
}
