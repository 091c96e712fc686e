import type { Entry, Position } from '../../../chat/log-store.ts';
import type { Room } from '../../../chat/room.ts';
import type { PresenceChange, PresenceEvent } from '../../../chat/roster.ts';
import { socketRoom } from '../../socket-room.ts';

/*
 * An entry on the bus is the sharded adapter's own broadcast message (type 3) of a `message` event packet
 * (type 2) to the room's Socket.IO room, so any Socket.IO server on the same adapter hears rooms. The sender
 * `emitter` is the one the adapters leave out of their node count. What varies comes last, so that an entry is
 * told from all other traffic by its first bytes and cut out without a parse.
 */
const EVENT = '{"uid":"emitter","type":3,"data":{"packet":{"type":2,"data":["';
const BEFORE = `${EVENT}message",`;
const PRESENCE = Buffer.from(`${EVENT}presence:`);
const MOVE = Buffer.from(`${BEFORE}{"event":"`);
const HEAD = Buffer.from(`${BEFORE}{"seq":`);
const EPOCH = Buffer.from(',"epoch":"');
/** Closes the packet's data. Not in any JSON string, where its quotes would be escaped; so the last one is it. */
const AFTER = Buffer.from('],"nsp":');
const NO_EXCEPT = Buffer.from('"except":[]');

export const frameBefore = BEFORE;
/** What stands before the name of a presence event. */
export const presenceBefore = EVENT;

export function frameAfter(room: Room, except?: string): string {
  const nsp = JSON.stringify(room.nsp);
  const rooms = JSON.stringify([socketRoom(room)]);
  const left = JSON.stringify(except === undefined ? [] : [except]);
  return `],"nsp":${nsp}},"opts":{"rooms":${rooms},"flags":{},"except":${left}}},"nsp":${nsp}}`;
}

/** The entry a frame of the bus carries, or undefined: then it is the adapter's. */
export function parseFrame(frame: Buffer): Entry | undefined {
  if (!startsWith(frame, HEAD)) return undefined;
  const position = positionAt(frame, HEAD.length);
  const end = frame.lastIndexOf(AFTER);
  if (!position || end < 0) return undefined;
  const except = frame.indexOf(NO_EXCEPT, end) >= 0 ? undefined : exceptOf(frame, end);
  return new BusEntry(position, frame.subarray(BEFORE.length, end), except);
}

/** Most are handed on as they came: decoded is only what somebody who joins just then is shown. */
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

/** What a frame of the bus tells of who is in the room, see roster-changes.lua. */
export function parsePresence(frame: Buffer): PresenceChange | undefined {
  if (!startsWith(frame, PRESENCE)) return undefined;
  const { roomid: _, ...change } = JSON.parse(frame.toString()).data.packet.data[1];
  return change;
}

/** What is told of one who came or went, as `parseMove` finds it again. */
export function moveFrame(room: Room, { event, user }: PresenceEvent): string {
  const message = { event, roomid: room.roomid, data: user };
  return frameBefore + JSON.stringify(message) + frameAfter(room);
}

export function parseMove(frame: Buffer): PresenceEvent | undefined {
  if (!startsWith(frame, MOVE)) return undefined;
  const { event, data } = JSON.parse(frame.toString()).data.packet.data[1];
  // Not ours: another server on the same adapter tells something else.
  return event === 'join' || event === 'broadcast_quit' ? { event, user: data } : undefined;
}

/** The entry a stored message is. */
export function parseStored(json: string, except: string): Entry {
  const head = /^\{"seq":(\d+),"epoch":"([^"]*)"/.exec(json);
  if (!head) throw new Error('a log holds an entry without a position');
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
