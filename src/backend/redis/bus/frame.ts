import type { Entry, Position } from '../../../chat/log-store.ts';
import type { Room } from '../../../chat/room.ts';
import type { PresenceChange, PresenceEvent } from '../../../chat/roster.ts';
import { socketRoom } from '../../socket-room.ts';

/*
 * An entry on the bus is the sharded adapter's own broadcast message (type 3) of a `message` event packet (type 2) to the
 * room's Socket.IO room, so any Socket.IO server on the same adapter receives it. The sender is `emitter`, which the
 * adapters leave out of their node count. The variable parts come last: a worker recognises an entry by its first bytes
 * and cuts it out without parsing the frame.
 */
const EVENT = '{"uid":"emitter","type":3,"data":{"packet":{"type":2,"data":["';
const BEFORE = `${EVENT}message",`;
const PRESENCE = Buffer.from(`${EVENT}presence:`);
const MOVE = Buffer.from(`${BEFORE}{"event":"`);
const HEAD = Buffer.from(`${BEFORE}{"seq":`);
const EPOCH = Buffer.from(',"epoch":"');
/** Ends the packet's data. No JSON string contains it, since quotes are escaped there; so its last occurrence is the end. */
const AFTER = Buffer.from('],"nsp":');
const NO_EXCEPT = Buffer.from('"except":[]');

export const frameBefore = BEFORE;
/** The frame before the name of a presence event. */
export const presenceBefore = EVENT;

export function frameAfter(room: Room, except?: string): string {
  const nsp = JSON.stringify(room.nsp);
  const rooms = JSON.stringify([socketRoom(room)]);
  const excepted = JSON.stringify(except === undefined ? [] : [except]);
  return `],"nsp":${nsp}},"opts":{"rooms":${rooms},"flags":{},"except":${excepted}}},"nsp":${nsp}}`;
}

/** Returns the entry that a frame carries, or undefined for a frame of the adapter. */
export function parseFrame(frame: Buffer): Entry | undefined {
  if (!startsWith(frame, HEAD)) return undefined;
  const position = positionAt(frame, HEAD.length);
  const end = frame.lastIndexOf(AFTER);
  if (!position || end < 0) return undefined;
  const except = frame.indexOf(NO_EXCEPT, end) >= 0 ? undefined : exceptOf(frame, end);
  return new BusEntry(position, frame.subarray(BEFORE.length, end), except);
}

/** Most entries are forwarded as bytes. `json` decodes one only for a user who joins at that moment. */
class BusEntry implements Entry {
  readonly epoch: string;
  readonly seq: number;
  readonly utf8: Buffer;
  readonly except?: string;

  constructor({ epoch, seq }: Position, utf8: Buffer, except: string | undefined) {
    this.epoch = epoch;
    this.seq = seq;
    this.utf8 = utf8;
    if (except !== undefined) this.except = except;
  }

  get json(): string {
    return this.utf8.toString();
  }
}

/** Returns the presence change that a frame carries, see roster-changes.lua. */
export function parsePresence(frame: Buffer): PresenceChange | undefined {
  if (!startsWith(frame, PRESENCE)) return undefined;
  const { roomid: _, ...change } = JSON.parse(frame.toString()).data.packet.data[1];
  return change;
}

/** Builds the frame of a join or a leave, which `parsePresenceEvent` reads. */
export function presenceEventFrame(room: Room, { event, user }: PresenceEvent): string {
  const message = { event, roomid: room.roomid, data: user };
  return frameBefore + JSON.stringify(message) + frameAfter(room);
}

export function parsePresenceEvent(frame: Buffer): PresenceEvent | undefined {
  if (!startsWith(frame, MOVE)) return undefined;
  const { event, data } = JSON.parse(frame.toString()).data.packet.data[1];
  // Another server on the same adapter may send other events.
  return event === 'join' || event === 'broadcast_quit' ? { event, user: data } : undefined;
}

/** Returns the entry of a stored message. */
export function parseStored(json: string, except: string): Entry {
  const head = /^\{"seq":(\d+),"epoch":"([^"]*)"/.exec(json);
  if (!head) throw new Error('a log entry has no position');
  const entry = { epoch: head[2] ?? '', seq: Number(head[1]), json };
  return except === '' ? entry : { ...entry, except };
}

function startsWith(frame: Buffer, head: Buffer): boolean {
  return frame.length >= head.length && head.compare(frame, 0, head.length) === 0;
}

function positionAt(frame: Buffer, start: number): Position | undefined {
  let seq = 0;
  let at = start;
  for (; ; at += 1) {
    const digit = (frame[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    seq = seq * 10 + digit;
  }
  if (at === start || EPOCH.compare(frame, at, at + EPOCH.length) !== 0) return undefined;
  const epochStart = at + EPOCH.length;
  const epochEnd = frame.indexOf(0x22, epochStart);
  return epochEnd < 0 ? undefined : { epoch: frame.toString('latin1', epochStart, epochEnd), seq };
}

function exceptOf(frame: Buffer, end: number): string | undefined {
  try {
    const tail = JSON.parse(`{"data":{"packet":{"data":[${frame.toString('utf8', end)}`);
    return tail.data.opts.except[0];
  } catch {
    return undefined;
  }
}
