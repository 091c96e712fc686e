import { setTimeout as pause } from 'node:timers/promises';
import type { Ack } from '../../src/protocol/events.ts';
import type { RoomEntry, RoomGap, RoomMessage } from '../../src/protocol/rooms.ts';
import type { Chatter, ChatterOptions } from './chatter.ts';
import { comeBackMs, type OpenLine } from './line.ts';
import { contentOf, hashOf, roomName } from './recorder.ts';

interface Place {
  readonly roomid: string;
  joined: boolean;
  says: number;
  position?: { readonly epoch: string; readonly seq: number };
  /** Every (epoch, seq) that came: only exact repeats are dropped, so a swap stays a swap. */
  readonly seen: Set<string>;
}

interface Letter {
  readonly roomid: string;
  readonly text: string;
  attempt: number;
  /** The link on which it is under way or waits to be said again; none at first. */
  busyOn?: number;
}

/** Now and then a member says an acked message again, or leaves the room for a moment: both must change nothing. */
const SAY_AGAIN_EVERY = 20;
const STEP_OUT_EVERY = 40;

/** A client of the protocol without the SDK: joins with resume, says again until acked. */
export function openRoomChatter(options: ChatterOptions, openLine: OpenLine): Chatter {
  const { name, rooms, record, count } = options;
  const places = new Map<string, Place>(
    rooms.map((roomid) => [roomid, { roomid, joined: false, says: 0, seen: new Set() }]),
  );
  const outbox = new Map<string, Letter>();
  let closed = false;
  /** Of the link; what an older one still answers is not for the new one. */
  let generation = 0;

  const line = openLine({
    ...options,
    onUp() {
      generation += 1;
      record({ kind: 'link', client: name, up: true });
      for (const place of places.values()) void join(place, generation);
    },
    onDown(reason) {
      generation += 1;
      count('linksLost');
      record({ kind: 'link', client: name, up: false, reason });
      for (const place of places.values()) place.joined = false;
    },
    onEvent(event, data) {
      if (event === 'message') hear(data as RoomMessage);
      else if (event === 'room:gap') hearGap(data as RoomGap);
      else if (event === 'bye') line.drop((data as { afterMs: number }).afterMs);
    },
  });

  async function join(place: Place, of: number): Promise<void> {
    const { roomid, position } = place;
    const resume = position === undefined ? {} : { resume: position };
    const ack = (await line.ask('join', { roomid, history: 0, ...resume })) as Ack<'join'> | undefined;
    if (of !== generation) return;
    if (!ack?.ok) {
      if (ack) count('refused');
      else line.drop();
      await pause(ack?.error.retryAfterMs ?? 500);
      if (of === generation) void join(place, of);
      return;
    }
    const recovered = ack.recovered ?? false;
    if (position && !recovered) count('unrecovered');
    record({
      kind: 'join',
      client: name,
      room: roomName(roomid),
      epoch: ack.epoch,
      seq: ack.seq,
      ...(position === undefined ? {} : { resumed: { ...position, recovered } }),
    });
    for (const message of ack.messages) deliver(place, message, position && recovered ? 'replay' : 'history');
    place.position = { epoch: ack.epoch, seq: ack.seq };
    place.joined = true;
    for (const [id, letter] of outbox) {
      if (letter.roomid === roomid && letter.busyOn !== of) void send(id, letter);
    }
  }

  /** Leaves and comes back as somebody new: what is said meanwhile is not owed. */
  async function stepOut(place: Place): Promise<void> {
    const of = generation;
    place.joined = false;
    const ack = (await line.ask('leave', { roomid: place.roomid })) as Ack<'leave'> | undefined;
    if (of !== generation) return;
    if (ack?.ok) {
      record({ kind: 'leave', client: name, room: roomName(place.roomid) });
      delete place.position;
    }
    void join(place, of);
  }

  function hear(message: RoomMessage): void {
    if (message.event !== 'broadcast_say' && message.event !== 'deleted') return;
    const place = places.get(message.roomid);
    // A message of a room this client was never in is recorded too: it is a leak.
    deliver(place ?? { roomid: message.roomid, joined: false, says: 0, seen: new Set() }, message, 'live');
  }

  function deliver(place: Place, message: RoomEntry, source: 'live' | 'replay' | 'history'): void {
    const { epoch, seq } = message;
    const at = { client: name, room: roomName(place.roomid), epoch, seq };
    const key = `${epoch} ${seq}`;
    if (place.seen.has(key)) {
      count('repeatsDropped');
      record({ kind: 'repeat', ...at });
      return;
    }
    place.seen.add(key);
    place.position = { epoch, seq };
    record({
      kind: 'deliver',
      ...at,
      ...contentOf(message),
      source,
    });
  }

  function hearGap({ roomid, epoch, from, to, reason }: RoomGap): void {
    count('unrecovered');
    record({ kind: 'gap', client: name, room: roomName(roomid), epoch, from, to, reason });
  }

  async function send(id: string, letter: Letter): Promise<void> {
    const { roomid, text } = letter;
    const of = generation;
    const about = { client: name, room: roomName(roomid), id };
    letter.attempt += 1;
    letter.busyOn = of;
    if (letter.attempt > 1) count('retries');
    record({ kind: 'invoke', ...about, text: hashOf(text), attempt: letter.attempt });
    const ack = (await line.ask('say', { roomid, text, clientMsgId: id })) as Ack<'say'> | undefined;
    if (closed) return;
    if (ack?.ok) {
      outbox.delete(id);
      if (ack.dup) count('duplicateAcks');
      record({ kind: 'ok', ...about, epoch: ack.epoch, seq: ack.seq, ...(ack.dup ? { dup: true } : {}) });
      const place = places.get(roomid);
      if (place?.joined && place.says % SAY_AGAIN_EVERY === 0) void sayAgain(id, letter);
      if (place?.joined && place.says % STEP_OUT_EVERY === 0) void stepOut(place);
      return;
    }
    if (ack) count('refused');
    if (ack && !ack.error.temporary) {
      outbox.delete(id);
      record({ kind: 'fail', ...about, code: ack.error.code });
      return;
    }
    // `unavailable` leaves open whether it was stored, as no answer does.
    record({ kind: 'info', ...about });
    await pause((ack?.error.retryAfterMs ?? 200) + comeBackMs(0));
    // After a new link its join says again what is still in the outbox.
    if (of === generation && places.get(roomid)?.joined) void send(id, letter);
    else delete letter.busyOn;
  }

  async function sayAgain(id: string, { roomid, text }: Letter): Promise<void> {
    const about = { client: name, room: roomName(roomid), id };
    record({ kind: 'invoke', ...about, text: hashOf(text) });
    const ack = (await line.ask('say', { roomid, text, clientMsgId: id })) as Ack<'say'> | undefined;
    if (ack?.ok)
      record({ kind: 'ok', ...about, epoch: ack.epoch, seq: ack.seq, ...(ack.dup ? { dup: true } : {}) });
  }

  return {
    get joined() {
      return [...places.values()].every(({ joined }) => joined);
    },
    get pending() {
      return outbox.size;
    },
    say(roomid, id, text) {
      const letter = { roomid, text, attempt: 0 };
      outbox.set(id, letter);
      const place = places.get(roomid);
      if (!place) return;
      place.says += 1;
      if (place.joined) void send(id, letter);
    },
    close() {
      closed = true;
      generation += 1;
      line.close();
    },
  };
}
