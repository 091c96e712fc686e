import type { Admission } from '../../chat/admission.ts';
import { continueFrom, type ReaderStep } from '../../chat/continuation.ts';
import type { Feeds } from '../../chat/feeds.ts';
import type { Entry, Position, RoomLogs } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import type { RoomFollowers } from '../../chat/room-followers.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { MAX_HISTORY, MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import { messagesOf } from '../delivery/messages.ts';
import { gapFrame, messageFrame } from './event-frames.ts';
import type { EventStream } from './event-stream.ts';

export interface StreamFeedDeps {
  readonly feeds: Pick<Feeds, 'attach'>;
  readonly followers: Pick<RoomFollowers, 'follow'>;
  readonly logs: Pick<RoomLogs, 'read'>;
  readonly admission: Pick<Admission, 'run'>;
  readonly maxBufferedBytes: number;
  /** The frame of a live entry, built once for all streams of its room. */
  readonly frameOf: (entry: Entry) => Buffer;
  readonly retryMs: number;
}

export interface FedStream {
  readonly room: Room;
  /** The last position that the reader has; absent: begin at the newest entry. */
  readonly after: Position | undefined;
  readonly stream: EventStream;
  /** Its time is over: it is ended instead of written. */
  readonly endIfExpired: () => boolean;
}

/** Feeds one stream: pages of the log until it has caught up, then the live feed. */
export interface StreamFeed {
  /** Writes one page. True: the stream follows the feed from here on. */
  advance(): Promise<Outcome<boolean>>;
  /** Writes page after page, each once the reader has taken the last, until the stream follows the feed. */
  catchUp(): Promise<void>;
  /** No entry is written from now on. */
  stop(): void;
}

export function createStreamFeed(
  { feeds, followers, logs, admission, maxBufferedBytes, frameOf, retryMs }: StreamFeedDeps,
  { room, after, stream, endIfExpired }: FedStream,
): StreamFeed {
  /** A page is written at once: it must not make a reader that takes everything look slow. Frames add to its bytes. */
  const pageBytes = Math.min(MAX_PAGE_BYTES, Math.floor(maxBufferedBytes / 4));
  let position = after;
  let stopFollowing: (() => void) | undefined;

  function writeFrame(frame: Buffer): void {
    if (!endIfExpired()) stream.event(frame);
  }

  function writeSteps(steps: readonly ReaderStep[]): void {
    const entries = steps.flatMap((step) => ('entry' in step ? [step.entry] : []));
    // A message of the page that was deleted since must not be sent with its text.
    const texts = messagesOf(entries).map((message) => JSON.stringify(message));
    let next = 0;
    for (const step of steps) {
      if ('gap' in step) stream.event(gapFrame(room.roomid, step.gap));
      else writeFrame(messageFrame(step.entry, texts[next++] as string));
    }
  }

  const query = () =>
    position === undefined
      ? { limit: 1, maxBytes: pageBytes }
      : { after: position.seq, limit: MAX_HISTORY, maxBytes: pageBytes };

  function advance(): Promise<Outcome<boolean>> {
    return feeds.attach(
      room,
      () => logs.read(room, query()),
      (page, since) => {
        if (stream.closed) return true;
        if (position === undefined) {
          position = { epoch: page.epoch, seq: since.at(-1)?.seq ?? page.top };
          stream.begin(position);
        } else {
          const next = continueFrom(position, page, since);
          ({ position } = next);
          writeSteps(next.steps);
          if (!next.isLive) return false;
        }
        stopFollowing = followers.follow(room, {
          onEntry: (entry) => writeFrame(frameOf(entry)),
          onGap: (gap) => stream.event(gapFrame(room.roomid, gap)),
        });
        if (stream.closed) stopFollowing();
        return true;
      },
    );
  }

  async function catchUp(): Promise<void> {
    while (!stream.closed) {
      await stream.drained();
      if (stream.closed) return;
      const isLive = await admission.run(stream, advance);
      if (isLive.ok && isLive.value) return;
      if (!isLive.ok) await pause(isLive.error.retryAfterMs ?? retryMs);
    }
  }

  return { advance, catchUp, stop: () => stopFollowing?.() };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
