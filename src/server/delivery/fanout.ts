import type { Room } from '../../chat/room.ts';
import type { Sized } from '../../sizes.ts';
import type { TurnEnd } from '../transport/turn-end.ts';
import {
  createMessageEncoder,
  type MessageEncoder,
  type OutboundEvent,
} from '../transport/websocket-frames.ts';
import { createRoomWrites, type Gathering, type RoomWrites, type RoomWritesDeps } from './room-writes.ts';

/*
 * Fan-out: writes a room's messages to its members on this worker, batched, encoded once, one write for each member. The
 * states of a room:
 *
 *   idle ──message──► gathering until the end of the turn ──written──► within its window ──► idle
 *                                                             ▲             │ messages
 *                                                             └──written────┘
 *
 * So a message of a quiet room waits only for the end of the turn, and goes out with all others that arrive in it. Windows
 * open only while the worker is saturated.
 */

/** A room that has gathered more than this is written at once. */
const MAX_GATHERED_CHARS = 64 * 1024;
/** A timer fires up to a millisecond late, so rooms due by then are written with it. */
const TIMER_MS = 1;

export interface FanoutDeps extends RoomWritesDeps {
  /** The time between two writes of a room; with 0 it writes at the end of each turn. */
  readonly windowMs: () => number;
  readonly turnEnd: TurnEnd;
}

/**
 * Every member gets the messages in the order of the calls. Acks and personal events may overtake them by the window, so
 * pending messages MUST be flushed before a membership change or a disconnect.
 */
export interface Fanout {
  enqueue(room: Room, message: OutboundEvent): void;
  /** Writes the room's gathered messages now. */
  flush(room: Pick<Room, 'tag'>): void;
  flushAll(): void;
  /** The room's messages that are gathered and not written yet. */
  gathered(room: Pick<Room, 'tag'>): readonly OutboundEvent[];
  readonly delivered: RoomWrites['delivered'];
  close(): void;
}

export function createFanout(deps: FanoutDeps): Fanout & Sized {
  const { windowMs, turnEnd, now } = deps;
  const { write, writeAll, delivered } = createRoomWrites(deps);
  const encoders = new Map<string, MessageEncoder>();
  const rooms = new Map<string, Gathering>();
  /** The rooms that the end of this turn writes. */
  let turn: Gathering[] = [];
  let turnNumber = 0;
  let turnEnds = false;
  /** Rooms within their window, by `dueAt`. */
  const waiting = new Set<Gathering>();
  let lastDueAt = 0;
  let timer: NodeJS.Timeout | undefined;

  function encoderOf(nsp: string): MessageEncoder {
    const encoder = encoders.get(nsp) ?? createMessageEncoder(nsp);
    encoders.set(nsp, encoder);
    return encoder;
  }

  function gather(room: Room): Gathering {
    const gathering: Gathering = {
      room,
      encoder: encoderOf(room.nsp),
      messages: [],
      presence: 0,
      chars: 0,
      turns: 0,
      lastTurn: 0,
      since: 0,
      dueAt: 0,
    };
    rooms.set(room.tag, gathering);
    turn.push(gathering);
    return gathering;
  }

  function countTurn(gathering: Gathering): void {
    if (!turnEnds) {
      turnEnds = true;
      turnNumber += 1;
      turnEnd.write(endTurn);
    }
    if (gathering.lastTurn === turnNumber) return;
    gathering.lastTurn = turnNumber;
    gathering.turns += 1;
  }

  function endTurn(): void {
    turnEnds = false;
    const written = turn;
    turn = [];
    if (written.length > 0) writeAndWait(written);
  }

  function endWindow(): void {
    timer = undefined;
    const due: Gathering[] = [];
    const by = now() + TIMER_MS;
    for (const gathering of waiting) {
      if (gathering.dueAt > by) break;
      waiting.delete(gathering);
      if (gathering.messages.length > 0) due.push(gathering);
      else rooms.delete(gathering.room.tag);
    }
    writeAndWait(due);
  }

  function writeAndWait(batch: readonly Gathering[]): void {
    writeAll(batch);
    const window = windowMs();
    const endedAt = now();
    boundDueTimes(endedAt + window);
    for (const gathering of batch) {
      if (window < TIMER_MS) {
        rooms.delete(gathering.room.tag);
        continue;
      }
      gathering.dueAt = endedAt + window;
      waiting.add(gathering);
    }
    const [first] = waiting;
    if (first && !timer) timer = setTimeout(endWindow, Math.max(TIMER_MS, first.dueAt - endedAt));
  }

  /** Windows shrink with the load. A room that waits already shall not wait longer than one that is written now. */
  function boundDueTimes(dueAt: number): void {
    if (dueAt < lastDueAt) {
      for (const gathering of waiting) gathering.dueAt = Math.min(gathering.dueAt, dueAt);
      clearTimeout(timer);
      timer = undefined;
    }
    lastDueAt = dueAt;
  }

  return {
    sizes: () => ({ rooms: rooms.size, turn: turn.length, waiting: waiting.size }),
    enqueue(room, message) {
      const gathering = rooms.get(room.tag) ?? gather(room);
      if (gathering.messages.length === 0) gathering.since = now();
      countTurn(gathering);
      gathering.messages.push(message);
      if (message.isPresence) gathering.presence += 1;
      gathering.chars += message.utf8?.length ?? message.json.length;
      if (gathering.chars > MAX_GATHERED_CHARS) write(gathering);
    },
    flush({ tag }) {
      const gathering = rooms.get(tag);
      if (gathering) write(gathering);
    },
    flushAll() {
      for (const gathering of rooms.values()) write(gathering);
    },
    gathered: ({ tag }) => rooms.get(tag)?.messages ?? [],
    delivered,
    close() {
      clearTimeout(timer);
      rooms.clear();
      waiting.clear();
    },
  };
}
