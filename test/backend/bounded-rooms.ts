import { randomUUID } from 'node:crypto';
import type { RoomLogs } from '../../src/chat/log-store.ts';
import { inboxOf, type Room, roomOf } from '../../src/chat/room.ts';
import type { Outcome } from '../../src/protocol/codes.ts';
import { draftOf, granted, membersSaying, range } from '../contract/peers.ts';

/** A log of the rooms below keeps this many. */
export const KEPT = 100;
const ROOMS = 4;
const AT_ONCE = 100;
/** So many messages lie between two that are deleted. */
const DELETED_EVERY = 10;

/** Repeats what a store on a busy machine did not answer in time, as clients do. */
async function stored<T>(write: () => Promise<Outcome<T>>): Promise<T> {
  for (;;) {
    const outcome = await write();
    if (outcome.ok || !outcome.error.temporary) return granted(outcome);
  }
}

/**
 * Writes messages as clients do, with a clientMsgId, an author and a reader, by turns into a few rooms and inboxes, and deletes
 * some of them. Whatever the store keeps for a message beyond those of full logs would grow with their number.
 */
export async function writeMessages(
  logs: Pick<RoomLogs, 'append' | 'replace'>,
  count: number,
): Promise<void> {
  const rooms = range(1, ROOMS).flatMap((n) => [roomOf('/', `room ${n}`), inboxOf('/', `user ${n}`)]);
  async function write(n: number): Promise<void> {
    const room = rooms[n % rooms.length] as Room;
    const more = { dedupe: { scope: 'user ann', clientMsgId: randomUUID() } };
    const reader = room.kind === 'room' ? { author: 'ann', reader: inboxOf('/', `ann ${n % 50}`).tag } : {};
    const text = 'as long as people make their messages in a chat';
    const draft = { ...draftOf(room, text, more), ...reader };
    const { seq } = await stored(() => logs.append(room, draft));
    if (room.kind !== 'room' || n % DELETED_EVERY !== 0) return;
    const notice = draftOf(room, 'deleted');
    await stored(() => logs.replace(room, seq, membersSaying(room, ''), notice));
  }
  for (let from = 0; from < count; from += AT_ONCE)
    await Promise.all(range(from, Math.min(from + AT_ONCE, count) - 1).map(write));
}
