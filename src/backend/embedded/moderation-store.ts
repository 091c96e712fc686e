import { revocationRow } from '../../chat/exclusions.ts';
import {
  type ActiveRestriction,
  type Moderation,
  type Restriction,
  type RevokedTokens,
  refuseMoreRestrictions,
} from '../../chat/moderation.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { CommitQueue } from './commit-queue.ts';
import { type Restrictions, refusalFor, restrictionKey, withoutExpired } from './restrictions.ts';
import type { ReadSnapshot } from './tables.ts';

type Tagged = Pick<Room, 'tag'>;

/** `Moderation`, which needs only the tag of a room here. */
export interface ModerationStore extends Moderation {
  restrict(
    room: Tagged,
    userId: string,
    kind: Restriction,
    seconds?: number,
    most?: number,
  ): Promise<Outcome<ActiveRestriction>>;
  lift(room: Tagged, userId: string, kind: Restriction): Promise<Outcome<boolean>>;
  revoke(inbox: Tagged, tokens: RevokedTokens, now: number): Promise<Outcome<void>>;
  restrictions(room: Tagged, userId: string): Promise<Outcome<Restrictions>>;
  /** Refuses a banned user. Synchronous, so that no ban can be set between this check and what it protects. */
  admit(room: Tagged, userId: string): Outcome<void>;
}

export interface ModerationStoreDeps {
  readonly readSnapshot: ReadSnapshot;
  readonly queue: CommitQueue;
  readonly now: () => number;
}

const ROW_BYTES = 100;

/** Restrictions are committed in the same queue as the logs: a later append sees them. */
export function createModerationStore({ readSnapshot, queue, now }: ModerationStoreDeps): ModerationStore {
  const isFull = ({ tag }: Tagged, key: string, most: number) =>
    readSnapshot(
      (snapshot) => snapshot.row('restrictions', key) === undefined && snapshot.restricted(tag) >= most,
    );

  return {
    async restrict(room, userId, kind, seconds, most) {
      const key = restrictionKey(room, userId);
      const full = most === undefined ? succeed(false) : isFull(room, key, most);
      if (!full.ok) return full;
      if (most !== undefined && full.value) return refuseMoreRestrictions(most);
      return queue.add({
        bytes: ROW_BYTES,
        plan(transaction): ActiveRestriction {
          const until = seconds === undefined ? undefined : transaction.now + seconds * 1000;
          const restricted = until === undefined ? {} : { until };
          const others = withoutExpired(transaction.row('restrictions', key), transaction.now);
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
          const held = withoutExpired(transaction.row('restrictions', key), transaction.now);
          if (!held?.[kind]) return false;
          const { [kind]: _, ...others } = held;
          const left = withoutExpired(others, transaction.now);
          transaction.put({ table: 'restrictions', key, ...(left ? { value: left } : {}) });
          return true;
        },
      });
    },
    revoke(inbox, tokens, at) {
      const { name, until } = revocationRow(tokens, at);
      const key = restrictionKey(inbox, name);
      return queue.add({
        bytes: ROW_BYTES,
        plan(transaction) {
          const earlier = transaction.row('restrictions', key)?.ban?.until ?? 0;
          if (earlier >= until) return;
          transaction.put({ table: 'restrictions', key, value: { ban: { until } } });
          transaction.write({ table: 'expiries', key: [until, 'restrictions', key], value: true });
        },
      });
    },
    async restrictions(room, userId) {
      return readSnapshot(
        (snapshot) => withoutExpired(snapshot.row('restrictions', restrictionKey(room, userId)), now()) ?? {},
      );
    },
    admit(room, userId) {
      const held = readSnapshot((snapshot) => snapshot.row('restrictions', restrictionKey(room, userId)));
      if (!held.ok) return held;
      return refusalFor(held.value, ['ban'], now()) ?? succeed(undefined);
    },
  };
}
