import { type NotedPosition, PREVIOUS_EPOCHS_KEPT } from '../../../chat/held-positions.ts';
import type {
  InboxLogin,
  InboxMarkers,
  InboxStore,
  ItemProgress,
  MarkerUpdate,
  RaisedMarkers,
} from '../../../chat/inbox-store.ts';
import type { Draft, Position } from '../../../chat/log-store.ts';
import { type Room, roomOf } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Retention } from '../retention.ts';
import type { Scripts } from '../scripts.ts';
import { createExclusionReader } from './exclusion.ts';

export interface RedisInboxesDeps {
  readonly redis: RedisCommands;
  readonly scripts: Pick<Scripts, 'raise' | 'progress' | 'restrictions' | 'openInbox'>;
  readonly keys: RedisKeys;
  readonly retention: (inbox: Room) => Retention;
  /** Ms since 1970. */
  readonly now: () => number;
  /** The same methods as `RedisAppend` in log/append.ts. */
  readonly writes: {
    appendAnnouncement(
      inbox: Room,
      draft: Draft,
      markerMove: { readonly was: string; readonly becomes: string },
    ): Promise<Outcome<boolean>>;
  };
}

/** The answer of inbox-raise.lua. */
type RaiseReply = [recv: number, read: number, news: string, recvBefore: number, readBefore: number];

/** The limit for each marker. The field of a marker in Redis is `news` for the announcements. */
const STEPS_KEPT = '200';
/** Part of the life of the note that an inbox was opened. */
const OPENED_AGAIN_AFTER = 1 / 4;

/** The markers are fields of the inbox's meta key, so they never outlive the numbers they refer to. */
export function createRedisInboxes(deps: RedisInboxesDeps): InboxStore {
  const { redis, scripts, keys, retention, now, writes } = deps;
  const markerKeys = (inbox: Room) => [keys.log(inbox)[1], ...keys.steps(inbox)];

  const exclusionOf = createExclusionReader({ redis, scripts, keys });

  async function markers(inbox: Room, login?: InboxLogin): Promise<Outcome<InboxMarkers>> {
    // One turn, so that both go out as one write.
    const [found, excluded] = await Promise.all([
      storedMarkers(inbox, login?.opens),
      login ? exclusionOf(inbox, login.jti) : succeed(undefined),
    ]);
    if (!found.ok) return found;
    return excluded.ok ? succeed({ ...found.value, ...excluded.value }) : excluded;
  }

  async function storedMarkers(inbox: Room, opens: InboxLogin['opens']): Promise<Outcome<InboxMarkers>> {
    const meta = keys.log(inbox)[1];
    const fields = ['recv', 'read', 'news', ...(opens === undefined ? [] : ['unopened', 'opened'])];
    const stored = await redis.call<(string | null)[]>(['HMGET', meta, ...fields]);
    if (!stored.ok) return stored;
    const [recv, read, announcements, unopened, openedAt] = stored.value;
    // Nothing waits for it, since any later item finds it done. If it fails, the next login does it.
    if (opens && (unopened != null || (opens === 'lastingly' && isForgottenSoon(inbox, openedAt))))
      open(inbox);
    return succeed(markersOf(Number(recv ?? 0), Number(read ?? 0), announcements ?? ''));
  }

  function isForgottenSoon(inbox: Room, openedAt: string | null | undefined): boolean {
    return Math.abs(now() - Number(openedAt ?? 0)) > retention(inbox).metaTtlMs * OPENED_AGAIN_AFTER;
  }

  function open(inbox: Room): void {
    const { logTtlMs, metaTtlMs } = retention(inbox);
    const [log, meta] = keys.log(inbox);
    void redis.evaluate(scripts.openInbox, [meta, log], [String(logTtlMs), String(metaTtlMs)]);
  }

  async function raise(
    inbox: Room,
    { sent = 0, recv = 0, read = 0 }: MarkerUpdate,
  ): Promise<Outcome<RaisedMarkers>> {
    const lifetimeMs = String(retention(inbox).metaTtlMs);
    const args = [String(sent), String(recv), String(read), lifetimeMs, STEPS_KEPT];
    const raised = await redis.evaluate<RaiseReply>(scripts.raise, markerKeys(inbox), args);
    if (!raised.ok) return raised;
    const [recvNow, readNow, news, ...was] = raised.value;
    return succeed({ ...markersOf(recvNow, readNow, news), was: { recv: was[0], read: was[1] } });
  }

  async function appendAnnouncement(
    inbox: Room,
    draft: Draft,
    { was, becomes }: { readonly was: Position | undefined; readonly becomes: Position },
  ): Promise<Outcome<boolean>> {
    const markerMove = { was: was ? positionText(was) : '', becomes: positionText(becomes) };
    return writes.appendAnnouncement(inbox, draft, markerMove);
  }

  /** A user of the same id later is another one, whose marks and own messages begin anew. */
  async function forgetReader(inbox: Room): Promise<Outcome<unknown>> {
    const roomids = await redis.call<string[]>(['HKEYS', keys.roomSubscriptions(inbox)[0]]);
    if (!roomids.ok) return roomids;
    return allValues(
      roomids.value.map((roomid) =>
        redis.call(['ZREM', keys.unread(roomOf(inbox.nsp, roomid))[0], inbox.tag]),
      ),
    );
  }

  async function erase(inbox: Room): Promise<Outcome<void>> {
    // First, because the subscriptions say in which rooms: a repeat after a failure finds them again.
    const forgotten = await forgetReader(inbox);
    if (!forgotten.ok) return forgotten;
    const { log, ids, steps, roomSubscriptions, unread } = keys;
    const erased = [log, ids, steps, roomSubscriptions, unread].flatMap((of) => [...of(inbox)]);
    const gone = await redis.call(['DEL', ...erased, keys.blocked(inbox)]);
    return gone.ok ? succeed(undefined) : gone;
  }

  async function progress(
    items: readonly (NotedPosition & { readonly inbox: Room })[],
  ): Promise<Outcome<readonly ItemProgress[]>> {
    const found = await allValues(
      items.map(({ inbox, seq, epoch = '' }) => {
        const args = [String(seq), epoch, String(PREVIOUS_EPOCHS_KEPT)];
        return redis.evaluate<number[]>(scripts.progress, markerKeys(inbox), args);
      }),
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

  return { markers, raise, appendAnnouncement, erase, progress };
}

function markersOf(recv: number, read: number, announcements: string): InboxMarkers {
  const [, seq, epoch] = /^(\d+) (.*)$/.exec(announcements) ?? [];
  return epoch === undefined ? { recv, read } : { recv, read, announcements: { epoch, seq: Number(seq) } };
}

function positionText({ epoch, seq }: Position): string {
  return `${seq} ${epoch}`;
}
