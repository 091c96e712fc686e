import type { Room } from '../../chat/room.ts';
import type { Encoded, MessageEncoder, OutboundEvent } from '../transport/websocket-frames.ts';
import { eventForOlder, mayBeChange } from './older-clients.ts';
import type { RecipientsOf } from './recipients.ts';

/** A room's messages that are not written yet. */
export interface Gathering {
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

export interface RoomWritesDeps {
  readonly recipientsOf: RecipientsOf;
  /** Windows saved that much time of writing to members. */
  readonly onSpared: (ms: number) => void;
  /** A clock that only rises, ms. */
  readonly now: () => number;
  /** A room's messages are written to so many members; the oldest was gathered for `waitMs`. */
  readonly onFlush: (messages: number, waitMs: number, room: Room, members: number) => void;
}

/** Writes what a room has gathered to its members: encoded once, one write for each member. */
export interface RoomWrites {
  /** Empties the room. Returns the number of members it wrote to. */
  write(gathering: Gathering): number;
  /** Writes small rooms first, and reports the time that their windows saved. */
  writeAll(batch: readonly Gathering[]): void;
  /** Messages times the members they were written to, changes of presence among them, and the bytes as WebSocket frames. */
  readonly delivered: { readonly messages: number; readonly presence: number; readonly bytes: number };
}

export function createRoomWrites({ recipientsOf, onSpared, now, onFlush }: RoomWritesDeps): RoomWrites {
  const delivered = { messages: 0, presence: 0, bytes: 0 };

  /** A member costs about the same however many messages the write carries. */
  function writeAll(batch: readonly Gathering[]): void {
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

  function write(gathering: Gathering): number {
    const { room, encoder, messages, presence } = gathering;
    if (messages.length === 0) return 0;
    gathering.messages = [];
    gathering.presence = 0;
    gathering.chars = 0;
    gathering.turns = 0;
    gathering.lastTurn = 0;
    const { ids, connections, paths, older } = recipientsOf(room);
    if (paths.length === 0) return 0;
    const excepted = exceptedBy(messages);
    const all = encoder.encode(messages);
    const forOlder = older && messages.some(mayBeChange) ? messages.map(eventForOlder) : undefined;
    const allForOlder = forOlder && encoder.encode(forOlder);
    delivered.messages += messages.length * paths.length;
    delivered.presence += presence * paths.length;
    delivered.bytes += all.frames.length * paths.length;
    onFlush(messages.length, now() - gathering.since, room, paths.length);
    for (const [index, path] of paths.entries()) {
      const id = ids[index];
      const skips = id !== undefined && excepted?.has(id);
      const isOlder = allForOlder && id !== undefined && older?.has(id);
      const theirs = isOlder ? allForOlder : all;
      if (isOlder) delivered.bytes -= all.frames.length - theirs.frames.length;
      const encoded = skips
        ? withoutExcepted(encoder, (isOlder && forOlder) || messages, id, theirs)
        : theirs;
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

  return { write, writeAll, delivered };
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
