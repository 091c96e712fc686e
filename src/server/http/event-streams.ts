import type { Logger } from 'pino';
import type { Admission } from '../../chat/admission.ts';
import { refuseExcluded } from '../../chat/exclusions.ts';
import type { Feeds } from '../../chat/feeds.ts';
import type { TokenIssue } from '../../chat/identity.ts';
import type { InboxStore } from '../../chat/inbox-store.ts';
import type { Position, RoomLogs } from '../../chat/log-store.ts';
import { type Moderation, refuseRestricted } from '../../chat/moderation.ts';
import { createSharedBuckets, type Rate } from '../../chat/rate-limit.ts';
import { inboxOf, type Room } from '../../chat/room.ts';
import type { RoomFollowers } from '../../chat/room-followers.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { TOKEN_LEEWAY_MS } from '../../protocol/limits.ts';
import type { Sized } from '../../sizes.ts';
import type { ChatContext } from '../context.ts';
import type { StartStream } from './answer-kinds.ts';
import { createLiveFrames } from './event-frames.ts';
import { createEventStream, type EventStream } from './event-stream.ts';
import { createStreamBacklog } from './stream-backlog.ts';
import { createStreamFeed } from './stream-feed.ts';

/*
 * Streams of a room's entries for back ends. A stream leases the room's feed like a member does:
 *
 *   catching up: one page at a time, the next once the reader has taken the last ──page reaches the feed──► live
 *
 * While it catches up, nothing of the live feed waits for the reader: the log has it.
 */

/** The user whose token reads the stream; a back end has none. */
export interface StreamReader {
  readonly userId: string;
  /** Ms since 1970. */
  readonly expiresAt?: number | undefined;
  readonly token?: TokenIssue | undefined;
}

export interface EventStreams {
  /**
   * Opens the stream after a position, or at the newest entry. The caller MUST start it at once. `scope`: the API key that asks
   * for it, where no user does.
   */
  open(
    room: Room,
    after: Position | undefined,
    reader: StreamReader | undefined,
    scope: string,
  ): Promise<Outcome<StartStream>>;
  /** Ends what this user's tokens read: of that room, or of all rooms in the namespace. */
  endOf(userId: string, where: { readonly nsp: string; readonly roomid?: string }): void;
  /** Ends the streams of users who were banned while this worker was cut off. */
  review(): Promise<void>;
  /** Ends every stream, and refuses new ones: the readers go to other workers. */
  drain(): void;
  close(): void;
}

export interface EventStreamsDeps {
  readonly feeds: Pick<Feeds, 'lease' | 'attach'>;
  readonly followers: Pick<RoomFollowers, 'follow'>;
  readonly logs: Pick<RoomLogs, 'read'>;
  readonly newRooms: Pick<ChatContext['newRooms'], 'admitReader'>;
  readonly moderation: Pick<Moderation, 'restrictions'>;
  readonly inboxes: Pick<InboxStore, 'markers'>;
  readonly admission: Pick<Admission, 'run'>;
  readonly maxBufferedBytes: number;
  /** Ms since 1970. */
  readonly now: () => number;
  /** A clock that never goes back, ms. */
  readonly elapsedMs: () => number;
  readonly random: () => number;
  readonly log: Logger;
}

const COMMENT_MS = 15_000;
/** The limit for all streams of a worker together. */
export const MAX_STREAMS = 1_000;
export const MAX_STREAMS_PER_USER = 50;
/** So many streams may wait for their readers as much as one may. The frames of one room are in memory once. */
const FULL_STREAMS = 64;
/** Each opening reads the store. A back end whose streams all end at once, in a reload, gets them all back at once. */
const OPENS_PER_KEY: Rate = { perMs: 50 / 1_000, burst: MAX_STREAMS };
const OPENS_PER_USER: Rate = { perMs: 2 / 1_000, burst: MAX_STREAMS_PER_USER };
const RETRY_MS = 1_000;
/** Readers of a draining worker come back after a random part of this. */
const SPREAD_MS = 2_000;

interface OpenStream {
  readonly room: Room;
  readonly reader: StreamReader | undefined;
  readonly stream: EventStream;
}

export function createEventStreams(deps: EventStreamsDeps): EventStreams & Sized {
  const { feeds, maxBufferedBytes, now, random, log } = deps;
  const open = new Set<OpenStream>();
  const frameOf = createLiveFrames();
  const backlog = createStreamBacklog(FULL_STREAMS * maxBufferedBytes);
  const opensOfKeys = createSharedBuckets(OPENS_PER_KEY, deps.elapsedMs);
  const opensOfUsers = createSharedBuckets(OPENS_PER_USER, deps.elapsedMs);
  let draining = false;

  function endIfExpired({ reader, stream }: OpenStream): boolean {
    if (reader?.expiresAt === undefined || now() < reader.expiresAt + TOKEN_LEEWAY_MS) return false;
    stream.end('the token has expired', RETRY_MS);
    return true;
  }

  const comments = setInterval(() => {
    for (const one of open) {
      if (!endIfExpired(one)) one.stream.comment();
    }
  }, COMMENT_MS);
  comments.unref();

  function roomFor(reader: StreamReader | undefined): boolean {
    if (open.size >= MAX_STREAMS) return false;
    if (!reader) return true;
    return [...open].filter((one) => one.reader?.userId === reader.userId).length < MAX_STREAMS_PER_USER;
  }

  function endAll(reason: string): void {
    for (const { stream } of open) stream.end(reason, RETRY_MS + random() * SPREAD_MS);
  }

  return {
    sizes: () => ({
      open: open.size,
      opensOfKeys: opensOfKeys.size,
      opensOfUsers: opensOfUsers.size,
      backlog: backlog.sizes(),
    }),
    async open(room, after, reader, scope) {
      if (draining) return refuse('unavailable', 'this server is going away', RETRY_MS);
      if (!roomFor(reader)) return refuse('limit', 'too many event streams are open');
      const waitMs = reader ? opensOfUsers.take(reader.userId) : opensOfKeys.take(scope);
      if (waitMs > 0) return refuse('rate_limited', 'too many event streams are being opened', waitMs);
      // The store keeps the position of a room for some time, also of one that nobody ever entered.
      const unknown = reader && (await deps.newRooms.admitReader(reader.userId, room));
      if (unknown) return unknown;
      const leased = await feeds.lease(room);
      if (!leased.ok) return leased;

      const stream = createEventStream({
        maxBufferedBytes,
        onWritten: backlog.wrote,
        onClose() {
          open.delete(one);
          backlog.remove(stream);
          feed.stop();
          leased.value.release();
        },
      });
      const one: OpenStream = { room, reader, stream };
      const feed = createStreamFeed(
        { ...deps, frameOf, retryMs: RETRY_MS },
        { ...one, after, endIfExpired: () => endIfExpired(one) },
      );
      open.add(one);
      backlog.add(stream);

      // A ban that comes after this look ends the stream, which is registered already.
      const begin = async () => {
        const banned = await banOf(room, reader, deps);
        return banned.ok ? feed.advance() : banned;
      };
      const first = await begin().catch((error: unknown) => {
        stream.end('', RETRY_MS);
        throw error;
      });
      if (!first.ok) {
        stream.end('', RETRY_MS);
        return first;
      }
      return succeed((response) => {
        stream.start(response);
        if (first.value) return;
        feed.catchUp().catch((error: unknown) => {
          log.error({ err: error }, 'an event stream failed');
          stream.end('something went wrong here', RETRY_MS);
        });
      });
    },
    endOf(userId, { nsp, roomid }) {
      for (const { reader, room, stream } of open) {
        if (reader?.userId !== userId || room.nsp !== nsp) continue;
        if (roomid === undefined || room.roomid === roomid) stream.end('an operator ended this', RETRY_MS);
      }
    },
    async review() {
      for (const { room, reader, stream } of [...open]) {
        if (!reader) continue;
        const banned = await banOf(room, reader, deps);
        if (!banned.ok && !banned.error.temporary) stream.end('an operator ended this', RETRY_MS);
      }
    },
    drain() {
      draining = true;
      endAll('this server is going away');
    },
    close() {
      clearInterval(comments);
      endAll('this server is going away');
    },
  };
}

async function banOf(
  room: Room,
  reader: StreamReader | undefined,
  { moderation, inboxes, now }: Pick<EventStreamsDeps, 'moderation' | 'inboxes' | 'now'>,
): Promise<Outcome<void>> {
  if (!reader) return succeed(undefined);
  const { userId, token } = reader;
  const [found, inbox] = await Promise.all([
    moderation.restrictions(room, userId),
    inboxes.markers(inboxOf(room.nsp, userId), { jti: token?.jti }),
  ]);
  if (!found.ok) return found;
  if (!inbox.ok) return inbox;
  const excluded = refuseExcluded(inbox.value.exclusion, { token }, now());
  if (excluded) return excluded;
  const { ban } = found.value;
  if (!ban) return succeed(undefined);
  return refuseRestricted('ban', ban.until === undefined ? undefined : Math.max(1, ban.until - now()));
}
