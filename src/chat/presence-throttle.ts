import {
  LARGE_ROOM_CLIENTS,
  PRESENCE_GRACE_MS,
  ROOM_PRESENCE_EVENTS_PER_S,
  USER_PRESENCE_BURST,
} from '../protocol/limits.ts';
import type { Sized } from '../sizes.ts';
import { createSharedBuckets, type Rate } from './rate-limit.ts';
import type { Room } from './room.ts';
import type { PresenceEvent } from './roster.ts';

/*
 * Rate-limits the `join` and `quit` events that the members on this worker get. It runs on the receiving worker, so it
 * limits a user whichever workers they join and quit through. A user's presence events in one room:
 *
 *   delivered at once ──over a rate──► queued ──tokens again──► delivered
 *                                       │ ▲
 *            cancelled by the opposite ─┘ └─ the next one
 *
 * Joins and quits alternate, so an undelivered event and its opposite cancel out: the last one delivered is true again.
 * The same holds for an event that was dropped from a full queue.
 */

const USER_RATE: Rate = { perMs: 1 / PRESENCE_GRACE_MS, burst: USER_PRESENCE_BURST };
/** The burst lets a room fill up or empty at once as long as it is small enough to announce each user. */
const ROOM_RATE: Rate = { perMs: ROOM_PRESENCE_EVENTS_PER_S / 1_000, burst: LARGE_ROOM_CLIENTS };
const RETRY_MS = 1_000;
/** Queued events per room. `presence:diff` and `presence:count` cover what is dropped beyond it. */
const MAX_QUEUED = LARGE_ROOM_CLIENTS;
/** Remembered drops of all rooms; the oldest go first. A user who never returns leaves one behind. */
const MAX_DROPPED = 10_000;

export interface PresenceThrottleDeps {
  readonly deliver: (room: Room, event: PresenceEvent) => void;
  /** A clock that never steps. */
  readonly now: () => number;
}

export interface PresenceThrottle {
  /** Delivers the event now or, if it is still true then, as soon as the rates of the user and the room allow. */
  push(room: Room, event: PresenceEvent): void;
  close(): void;
}

interface QueuedEvent {
  event: PresenceEvent;
  /** It has a token of the user's bucket and waits for one of the room's. */
  hasUserToken: boolean;
}

interface RoomQueue {
  readonly room: Room;
  /** Queued events by user id. */
  readonly events: Map<string, QueuedEvent>;
}

export function createPresenceThrottle({ deliver, now }: PresenceThrottleDeps): PresenceThrottle & Sized {
  const userBuckets = createSharedBuckets(USER_RATE, now);
  const roomBuckets = createSharedBuckets(ROOM_RATE, now);
  const queues = new Map<string, RoomQueue>();
  /** Events that were dropped, by room and user. */
  const dropped = new Map<string, PresenceEvent['event']>();
  let timer: NodeJS.Timeout | undefined;

  const keyOf = (room: Room, { user }: PresenceEvent) => `${room.tag} ${user.userId}`;
  const takeUserToken = (room: Room, event: PresenceEvent) => userBuckets.take(keyOf(room, event)) === 0;
  const takeRoomToken = (room: Room) => roomBuckets.take(room.tag) === 0;

  function enqueue(room: Room, event: PresenceEvent, hasUserToken: boolean): void {
    const { events } = queues.get(room.tag) ?? { events: new Map<string, QueuedEvent>() };
    if (events.size >= MAX_QUEUED) {
      drop(room, event);
      return;
    }
    events.set(event.user.userId, { event, hasUserToken });
    queues.set(room.tag, { room, events });
    timer ??= setTimeout(flush, RETRY_MS).unref();
  }

  function drop(room: Room, event: PresenceEvent): void {
    dropped.set(keyOf(room, event), event.event);
    if (dropped.size <= MAX_DROPPED) return;
    for (const oldest of dropped.keys()) {
      dropped.delete(oldest);
      break;
    }
  }

  /** Returns whether the event's opposite was dropped: then the last event delivered is true again. */
  function cancelsDropped(room: Room, event: PresenceEvent): boolean {
    if (dropped.size === 0) return false;
    const key = keyOf(room, event);
    const last = dropped.get(key);
    return dropped.delete(key) && last !== event.event;
  }

  function flush(): void {
    timer = undefined;
    for (const queue of queues.values()) flushRoom(queue);
    if (queues.size > 0) timer = setTimeout(flush, RETRY_MS).unref();
  }

  function flushRoom({ room, events }: RoomQueue): void {
    for (const [userId, queued] of events) {
      queued.hasUserToken ||= takeUserToken(room, queued.event);
      if (!queued.hasUserToken) continue;
      if (!takeRoomToken(room)) break;
      events.delete(userId);
      deliver(room, queued.event);
    }
    if (events.size === 0) queues.delete(room.tag);
  }

  return {
    sizes: () => ({
      queues: queues.size,
      dropped: dropped.size,
      userBuckets: userBuckets.size,
      roomBuckets: roomBuckets.size,
    }),
    push(room, event) {
      const events = queues.get(room.tag)?.events;
      const queued = events?.get(event.user.userId);
      if (queued?.event.event === event.event) queued.event = event;
      else if (queued) events?.delete(event.user.userId);
      else if (!cancelsDropped(room, event)) {
        const hasUserToken = takeUserToken(room, event);
        if (hasUserToken && takeRoomToken(room)) deliver(room, event);
        else enqueue(room, event, hasUserToken);
      }
    },
    close() {
      clearTimeout(timer);
      queues.clear();
      dropped.clear();
    },
  };
}
