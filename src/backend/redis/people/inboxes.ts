import type { InboxMarkers, InboxStore, ItemProgress, MarkerUpdate } from '../../../chat/inbox-store.ts';
import type { Draft, Position } from '../../../chat/log-store.ts';
import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Retention } from '../retention.ts';
import type { Scripts } from '../scripts.ts';

export interface RedisInboxesDeps {
  readonly redis: RedisConnection;
  readonly scripts: Pick<Scripts, 'raise' | 'progress'>;
  readonly keys: RedisKeys;
  readonly retention: (inbox: Room) => Retention;
  /** Appends and moves the mark `news` in one step; false: the mark stood elsewhere. */
  readonly writes: {
    fold(
      inbox: Room,
      draft: Draft,
      folding: { readonly was: string; readonly becomes: string },
    ): Promise<Outcome<boolean>>;
  };
}

const STEPS_KEPT = '200';

/** The marks are fields of the inbox's meta, so they never outlive the numbers they speak of. */
export function createRedisInboxes(deps: RedisInboxesDeps): InboxStore {
  const { redis, scripts, keys, retention, writes } = deps;
  const markKeys = (inbox: Room) => [keys.log(inbox)[1], ...keys.steps(inbox)];

  async function marks(inbox: Room): Promise<Outcome<InboxMarkers>> {
    const meta = keys.log(inbox)[1];
    const kept = await redis.call<(string | null)[]>(['HMGET', meta, 'recv', 'read', 'news']);
    if (!kept.ok) return kept;
    const [recv, read, news] = kept.value;
    return succeed(marksOf(Number(recv ?? 0), Number(read ?? 0), news ?? ''));
  }

  async function raise(
    inbox: Room,
    { sent = 0, recv = 0, read = 0 }: MarkerUpdate,
  ): Promise<Outcome<InboxMarkers>> {
    const lifetimeMs = String(retention(inbox).metaTtlMs);
    const args = [String(sent), String(recv), String(read), lifetimeMs, STEPS_KEPT];
    const raised = await redis.evaluate<[number, number, string]>(scripts.raise, markKeys(inbox), args);
    return raised.ok ? succeed(marksOf(...raised.value)) : raised;
  }

  async function fold(
    inbox: Room,
    draft: Draft,
    { was, becomes }: { readonly was: Position | undefined; readonly becomes: Position },
  ): Promise<Outcome<boolean>> {
    const folding = { was: was ? positionText(was) : '', becomes: positionText(becomes) };
    return writes.fold(inbox, draft, folding);
  }

  async function erase(inbox: Room): Promise<Outcome<void>> {
    const { log, ids, steps, roomSubscriptions, unread } = keys;
    const kept = [log, ids, steps, roomSubscriptions, unread].flatMap((of) => [...of(inbox)]);
    const gone = await redis.call(['DEL', ...kept]);
    return gone.ok ? succeed(undefined) : gone;
  }

  async function progress(
    items: readonly { readonly inbox: Room; readonly seq: number }[],
  ): Promise<Outcome<readonly ItemProgress[]>> {
    const found = await allValues(
      items.map(({ inbox, seq }) =>
        redis.evaluate<number[]>(scripts.progress, markKeys(inbox), [String(seq)]),
      ),
    );
    if (!found.ok) return found;
    // The script says 0 for "not yet".
    return succeed(
      found.value.map(([sentAt, recvAt, readAt]) => ({
        ...(sentAt ? { sentAt } : {}),
        ...(recvAt ? { recvAt } : {}),
        ...(readAt ? { readAt } : {}),
      })),
    );
  }

  return { markers: marks, raise, appendAnnouncement: fold, erase, progress };
}

function marksOf(recv: number, read: number, news: string): InboxMarkers {
  const [, seq, epoch] = /^(\d+) (.*)$/.exec(news) ?? [];
  return epoch === undefined ? { recv, read } : { recv, read, announcements: { epoch, seq: Number(seq) } };
}

function positionText({ epoch, seq }: Position): string {
  return `${seq} ${epoch}`;
}
