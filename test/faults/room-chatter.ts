import { setTimeout as pause } from 'node:timers/promises';
import type { Ack } from '../../src/protocol/events.ts';
import type { RoomEntry, RoomGap, RoomMessage } from '../../src/protocol/rooms.ts';
import type { Chatter, ChatterOptions } from './chatter.ts';
import { comeBackMs, type OpenConnection } from './connection.ts';
import { contentOf, hashOf, roomName } from './recorder.ts';

interface Membership {
  readonly roomid: string;
  joined: boolean;
  says: number;
  position?: { readonly epoch: string; readonly seq: number };
  /** Every (epoch, seq) that came: only exact repeats are dropped, so a swap stays a swap. */
  readonly seen: Set<string>;
}

interface OutgoingMessage {
  readonly roomid: string;
  readonly text: string;
  attempt: number;
  /** The connection on which it is under way or waits to be said again; none at first. */
  busyOn?: number;
}

/** Now and then a member says an acked message again, or leaves the room for a moment: both must change nothing. */
const SAY_AGAIN_EVERY = 20;
const STEP_OUT_EVERY = 40;

/** A client of the protocol without the SDK: joins with resume, says again until acked. */
export function openRoomChatter(options: ChatterOptions, openConnection: OpenConnection): Chatter {
  const { name, rooms, record, count } = options;
  const memberships = new Map<string, Membership>(
    rooms.map((roomid) => [roomid, { roomid, joined: false, says: 0, seen: new Set() }]),
  );
  const outbox = new Map<string, OutgoingMessage>();
  let closed = false;
  /** Of the connection; what an older one still answers is not for the new one. */
  let generation = 0;

  const connection = openConnection({
    ...options,
    onUp() {
      generation += 1;
      record({ kind: 'connection', client: name, up: true });
      for (const membership of memberships.values()) void join(membership, generation);
    },
    onDown(reason) {
      generation += 1;
      count('connectionsLost');
      record({ kind: 'connection', client: name, up: false, reason });
      for (const membership of memberships.values()) membership.joined = false;
    },
    onEvent(event, data) {
      if (event === 'message') hear(data as RoomMessage);
      else if (event === 'room:gap') hearGap(data as RoomGap);
      else if (event === 'bye') connection.drop((data as { afterMs: number }).afterMs);
    },
  });

  async function join(membership: Membership, of: number): Promise<void> {
    const { roomid, position } = membership;
    const resume = position === undefined ? {} : { resume: position };
    const ack = (await connection.ask('join', { roomid, history: 0, ...resume })) as Ack<'join'> | undefined;
    if (of !== generation) return;
    if (!ack?.ok) {
      if (ack) count('refused');
      else connection.drop();
      await pause(ack?.error.retryAfterMs ?? 500);
      if (of === generation) void join(membership, of);
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
    for (const message of ack.messages)
      deliver(membership, message, position && recovered ? 'replay' : 'history');
    membership.position = { epoch: ack.epoch, seq: ack.seq };
    membership.joined = true;
    for (const [id, message] of outbox) {
      if (message.roomid === roomid && message.busyOn !== of) void send(id, message);
    }
  }

  /** Leaves and comes back as somebody new: what is said meanwhile is not owed. */
  async function stepOut(membership: Membership): Promise<void> {
    const of = generation;
    membership.joined = false;
    const ack = (await connection.ask('leave', { roomid: membership.roomid })) as Ack<'leave'> | undefined;
    if (of !== generation) return;
    if (ack?.ok) {
      record({ kind: 'leave', client: name, room: roomName(membership.roomid) });
      delete membership.position;
    }
    void join(membership, of);
  }

  function hear(message: RoomMessage): void {
    if (message.event === 'join' || message.event === 'broadcast_quit')
      options.onPresence(message.data.username, message.event, message.roomid);
    if (message.event !== 'broadcast_say' && message.event !== 'deleted') return;
    const membership = memberships.get(message.roomid);
    // A message of a room this client was never in is recorded too: it is a leak.
    deliver(
      membership ?? { roomid: message.roomid, joined: false, says: 0, seen: new Set() },
      message,
      'live',
    );
  }

  function deliver(membership: Membership, message: RoomEntry, source: 'live' | 'replay' | 'history'): void {
    const { epoch, seq } = message;
    options.onDelivered(source, message.at);
    const at = { client: name, room: roomName(membership.roomid), epoch, seq };
    const key = `${epoch} ${seq}`;
    if (membership.seen.has(key)) {
      count('repeatsDropped');
      record({ kind: 'repeat', ...at });
      return;
    }
    membership.seen.add(key);
    membership.position = { epoch, seq };
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

  async function send(id: string, message: OutgoingMessage): Promise<void> {
    const { roomid, text } = message;
    const of = generation;
    const about = { client: name, room: roomName(roomid), id };
    message.attempt += 1;
    message.busyOn = of;
    if (message.attempt > 1) count('retries');
    record({ kind: 'invoke', ...about, text: hashOf(text), attempt: message.attempt });
    const ack = (await connection.ask('say', { roomid, text, clientMsgId: id })) as Ack<'say'> | undefined;
    if (closed) return;
    if (ack?.ok) {
      outbox.delete(id);
      if (ack.dup) count('duplicateAcks');
      record({ kind: 'ok', ...about, epoch: ack.epoch, seq: ack.seq, ...(ack.dup ? { dup: true } : {}) });
      const membership = memberships.get(roomid);
      if (membership?.joined && membership.says % SAY_AGAIN_EVERY === 0) void sayAgain(id, message);
      if (membership?.joined && membership.says % STEP_OUT_EVERY === 0) void stepOut(membership);
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
    // After a new connection its join says again what is still in the outbox.
    if (of === generation && memberships.get(roomid)?.joined) void send(id, message);
    else delete message.busyOn;
  }

  async function sayAgain(id: string, { roomid, text }: OutgoingMessage): Promise<void> {
    const about = { client: name, room: roomName(roomid), id };
    record({ kind: 'invoke', ...about, text: hashOf(text) });
    const ack = (await connection.ask('say', { roomid, text, clientMsgId: id })) as Ack<'say'> | undefined;
    if (ack?.ok)
      record({ kind: 'ok', ...about, epoch: ack.epoch, seq: ack.seq, ...(ack.dup ? { dup: true } : {}) });
  }

  return {
    get joined() {
      return [...memberships.values()].every(({ joined }) => joined);
    },
    get pending() {
      return outbox.size;
    },
    say(roomid, id, text) {
      const message = { roomid, text, attempt: 0 };
      outbox.set(id, message);
      const membership = memberships.get(roomid);
      if (!membership) return;
      membership.says += 1;
      if (membership.joined) void send(id, message);
    },
    close() {
      closed = true;
      generation += 1;
      connection.close();
    },
  };
}
