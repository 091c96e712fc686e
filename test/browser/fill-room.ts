import { setTimeout as wait } from 'node:timers/promises';
import type { Member } from '../support/member.ts';

/** So many messages are under way at a time. */
const BATCH = 50;

/** Says `number 1` and so on, in order. */
export async function fillRoom(member: Member, roomid: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n += BATCH) {
    const few = Array.from({ length: Math.min(BATCH, count - n + 1) }, (_, more) => `number ${n + more}`);
    await Promise.all(few.map((text) => sayUntilStored(member, roomid, text)));
  }
}

/** A busy machine's server refuses for a moment what it cannot store in time. */
export async function sayUntilStored(member: Member, roomid: string, text: string): Promise<void> {
  for (;;) {
    const ack = await member.ask('say', { roomid, text });
    if (ack.ok) return;
    if (!ack.error.temporary) throw new Error(`say: ${ack.error.code} ${ack.error.message}`);
    await wait(ack.error.retryAfterMs ?? 100);
  }
}
