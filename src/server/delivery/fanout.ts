import type { Room } from '../../chat/room.ts';
import type { TurnEnd } from '../transport/turn-end.ts';
import {
  createMessageEncoder,
  type Encoded,
  type MessageEncoder,
  type OutboundEvent,
} from '../transport/websocket-frames.ts';
import type { RecipientsOf } from './recipients.ts';

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

export interface FanoutDeps {
  readonly recipientsOf: RecipientsOf;
  /** How long a room waits between a write and the next one, 0 for the end of the turn. */
  readonly windowMs: () => number;
  /** Windows saved that much time of writing to members. */
  readonly onSpared: (ms: number) => void;
  readonly turnEnd: TurnEnd;
  /** A clock that only rises, ms. */
  readonly now: () => number;
  /** A room's messages are written; the oldest was gathered for `waitMs`. */
  readonly onFlush: (messages: number, waitMs: number) => void;
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
  /** Messages times the members they were written to, changes of presence among them, and the bytes as WebSocket frames. */
  readonly delivered: { readonly messages: number; readonly presence: number; readonly bytes: number };
  close(): void;
}

interface Gathering {
  readonly room: Room;
  readonly encoder: MessageEncoder;
  messages: OutboundEvent[];
  /** The changes of presence among them. */
  presence: number;
  chars: number;
  /** The turns in which they came: without a window, each would have been a write. */
  turns: number;
  lastTurn: number;
  /** When the oldest of them came. */
  since: number;
  /** When the window after the last write ends. */
  dueAt: number;
}

export function createFanout(deps: FanoutDeps): Fanout {
  const { recipientsOf, windowMs, onSpared, turnEnd, now, onFlush } = deps;
  const delivered = { messages: 0, presence: 0, bytes: 0 };
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
    if (written.length > 0) writeAll(written);
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
    writeAll(due);
  }

  function writeAll(batch: readonly Gathering[]): void {
    writeTimed(batch);
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

  /** A member costs about the same however many messages the write carries. */
  function writeTimed(batch: readonly Gathering[]): void {
    let writes = 0;
    let spared = 0;
    const startedAt = now();
    for (const gathering of smallestFirst(batch)) {
      const { turns } = gathering;
      const members = write(gathering);
      writes += members;
      spared += members * (turns - 1);
    }
    if (spared > 0) onSpared(((now() - startedAt) * spared) / writes);
  }

  /** Returns the number of members it wrote to. */
  function write(gathering: Gathering): number {
    const { room, encoder, messages, presence } = gathering;
    if (messages.length === 0) return 0;
    gathering.messages = [];
    gathering.presence = 0;
    gathering.chars = 0;
    gathering.turns = 0;
    gathering.lastTurn = 0;
    const { ids, connections, paths } = recipientsOf(room);
    if (paths.length === 0) return 0;
    const excepted = exceptedBy(messages);
    const all = encoder.encode(messages);
    delivered.messages += messages.length * paths.length;
    delivered.presence += presence * paths.length;
    delivered.bytes += all.frames.length * paths.length;
    onFlush(messages.length, now() - gathering.since);
    for (const [index, path] of paths.entries()) {
      const id = ids[index];
      const skips = id !== undefined && excepted?.has(id);
      const encoded = skips ? withoutExcepted(encoder, messages, id, all) : all;
      if (encoded.frames.length === 0 || path.write(encoded.frames)) continue;
      // Engine.IO sends them behind the packets that already wait for this connection.
      for (const packet of encoded.packets()) connections[index]?.write(packet);
    }
    return paths.length;
  }

  function withoutExcepted(
    encoder: MessageEncoder,
    messages: readonly OutboundEvent[],
    id: string,
    all: Encoded,
  ): Encoded {
    const wanted = messages.filter(({ except }) => except !== id);
    const encoded = encoder.encode(wanted);
    delivered.messages -= messages.length - wanted.length;
    delivered.bytes -= all.frames.length - encoded.frames.length;
    return encoded;
  }

  /** A room of a thousand takes ten milliseconds, so smaller rooms are written before it. */
  function smallestFirst(batch: readonly Gathering[]): readonly Gathering[] {
    if (batch.length < 2) return batch;
    const sized = batch.map((gathering) => ({
      gathering,
      members: recipientsOf(gathering.room).paths.length,
    }));
    return sized.sort((one, other) => one.members - other.members).map(({ gathering }) => gathering);
  }

  return {
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

function exceptedBy(messages: readonly OutboundEvent[]): ReadonlySet<string> | undefined {
  let excepted: Set<string> | undefined;
  for (const { except } of messages) {
    if (except === undefined) continue;
    excepted ??= new Set();
    excepted.add(except);
  }
  return excepted;
}
