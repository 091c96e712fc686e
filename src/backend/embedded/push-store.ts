import { createHash } from 'node:crypto';
import type { PushPositions, PushStore } from '../../chat/inbox-store.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { KeptPush } from './rows.ts';
import type { Look } from './tables.ts';

export interface PushStoreDeps {
  readonly look: Look;
  readonly queue: CommitQueue;
  readonly rules: { readonly inboxTtlS: number };
  readonly now: () => number;
}

/** What a stored place holds beside the user's id, and a record beside its places. */
const OVERHEAD_BYTES = 32;

/** Receipts, each with the time it may be forgotten; reading goes by that, tidying gives back the disk. */
export function createPushStore({ look, queue, rules, now }: PushStoreDeps): PushStore {
  return {
    async keep(id, more) {
      const hash = hashOf(id);
      const held = look((view) => view.row('pushes', hash));
      if (!held.ok) return held;
      return queue.add({
        // The whole record is written again: a group must not dirty more of the disk than it says.
        bytes: sizeOf(more.places) + sizeOf(held.value ? placesIn(held.value).places : []),
        plan(group) {
          const kept = group.row('pushes', hash);
          const living = kept && kept.until > group.now ? kept : undefined;
          const until = Math.max(group.now + rules.inboxTtlS * 1000, living?.until ?? 0);
          group.put({ table: 'pushes', key: hash, value: { ...merge(living, more), until } });
          group.write({ table: 'dues', key: [until, 'pushes', hash], value: true });
        },
      });
    },
    async find(id) {
      return look((view) => {
        const kept = view.row('pushes', hashOf(id));
        return kept && kept.until > now() ? placesIn(kept) : undefined;
      });
    },
  };
}

/** Callers ask for ids of any length; the store takes keys of 1,978 bytes. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function merge(kept: KeptPush | undefined, { nsp, places }: PushPositions): Omit<KeptPush, 'until'> {
  const byUser = new Map(kept?.places.map((place) => [place[0], place]));
  for (const { userId, seq, at } of places) byUser.set(userId, [userId, seq, at]);
  return { nsp, places: [...byUser.values()] };
}

function placesIn({ nsp, places }: KeptPush): PushPositions {
  return { nsp, places: places.map(([userId, seq, at]) => ({ userId, seq, at })) };
}

function sizeOf(places: PushPositions['places']): number {
  return places.reduce((sum, { userId }) => sum + Buffer.byteLength(userId) + OVERHEAD_BYTES, OVERHEAD_BYTES);
}
