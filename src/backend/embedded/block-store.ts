import { type Blocks, refuseMoreBlocks } from '../../chat/blocks.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import { MAX_BLOCKS } from '../../protocol/limits.ts';
import { blockKey, isInForce } from './blocks.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { ReadSnapshot } from './tables.ts';

type Tagged = Pick<Room, 'tag'>;

/** `Blocks`, which needs only the tag of an inbox here. */
export interface BlockStore extends Blocks {
  set(inbox: Tagged, userId: string, on: boolean, keptS?: number): Promise<Outcome<void>>;
  list(inbox: Tagged): Promise<Outcome<readonly string[]>>;
  areBlocking(inboxes: readonly Tagged[], userId: string): Promise<Outcome<readonly boolean[]>>;
}

export interface BlockStoreDeps {
  readonly readSnapshot: ReadSnapshot;
  readonly queue: CommitQueue;
  readonly now: () => number;
}

const ROW_BYTES = 300;

/** Blocks are committed in the same queue as the logs: a later append sees them. */
export function createBlockStore({ readSnapshot, queue, now }: BlockStoreDeps): BlockStore {
  const inForce = ({ tag }: Tagged) =>
    readSnapshot((snapshot) => snapshot.blocks(tag).filter((block) => isInForce(block, now())));

  return {
    async set(inbox, userId, on, keptS) {
      const key = blockKey(inbox, userId);
      const held = on ? inForce(inbox) : succeed([]);
      if (!held.ok) return held;
      const isNew = !held.value.some((block) => block.userId === userId);
      if (isNew && held.value.length >= MAX_BLOCKS) return refuseMoreBlocks();
      return queue.add({
        bytes: ROW_BYTES,
        plan(transaction) {
          if (!on) {
            transaction.put({ table: 'blocks', key });
            return;
          }
          const until = keptS === undefined ? undefined : transaction.now + keptS * 1_000;
          const value = { userId, ...(until !== undefined && { until }) };
          transaction.put({ table: 'blocks', key, value });
          if (until !== undefined)
            transaction.write({ table: 'expiries', key: [until, 'blocks', key], value: true });
        },
      });
    },
    async list(inbox) {
      const held = inForce(inbox);
      return held.ok ? succeed(held.value.map(({ userId }) => userId).sort()) : held;
    },
    async areBlocking(inboxes, userId) {
      return readSnapshot((snapshot) =>
        inboxes.map((inbox) => isInForce(snapshot.row('blocks', blockKey(inbox, userId)), now())),
      );
    },
  };
}
