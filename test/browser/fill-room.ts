import { setTimeout as wait } from 'node:timers/promises';
import type { WireError } from '../../src/protocol/codes.ts';
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
    await waitToRepeat('say', ack.error);
  }
}

/** The same for a join. */
export async function joinUntilMember(member: Member, roomid: string): Promise<void> {
  for (;;) {
    const ack = await member.ask('join', { roomid });
    if (ack.ok) return;
    await waitToRepeat('join', ack.error);
  }
}

async function waitToRepeat(event: string, error: WireError): Promise<void> {
  if (!error.temporary) throw new Error(`${event}: ${error.code} ${error.message}`);
  await wait(error.retryAfterMs ?? 100);
}
