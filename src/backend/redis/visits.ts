import type { Room } from '../../chat/room.ts';
import type { RoomVisits, VisitedRoom } from '../../chat/visits.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import type { CommandLink } from './command-link.ts';
import type { RedisKeys } from './keys.ts';
import type { Numbering } from './numbering.ts';
import type { Scripts } from './scripts.ts';

export interface RedisVisitsDeps {
  readonly link: CommandLink;
  readonly scripts: Pick<Scripts, 'visit' | 'visited'>;
  readonly keys: RedisKeys;
  readonly numbering: Numbering;
}

const MOST_ROOMS = '1000';

export function createRedisVisits({ link, scripts, keys, numbering }: RedisVisitsDeps): RoomVisits {
  async function use(inbox: Room, roomid: string, seq: number, first: number): Promise<Outcome<number>> {
    const lifetimeMs = String(numbering.keeping(inbox).metaTtlMs);
    const args = [roomid, String(seq), lifetimeMs, MOST_ROOMS, String(first)];
    const mark = await link.evaluate<string>(scripts.visit, keys.visits(inbox), args);
    return mark.ok ? succeed(Number(mark.value)) : mark;
  }

  async function leave(inbox: Room, roomid: string): Promise<Outcome<void>> {
    const [marks, order] = keys.visits(inbox);
    const answers = await Promise.all([
      link.call(['HDEL', marks, roomid]),
      link.call(['ZREM', order, roomid]),
    ]);
    return answers.find((answer) => !answer.ok) ?? succeed(undefined);
  }

  async function visit(inbox: Room, roomid: string, joined: boolean, top = 0): Promise<Outcome<void>> {
    if (!joined) return leave(inbox, roomid);
    const used = await use(inbox, roomid, 0, top);
    return used.ok ? succeed(undefined) : used;
  }

  async function visited(inbox: Room): Promise<Outcome<readonly VisitedRoom[]>> {
    const flat = await link.evaluate<string[]>(scripts.visited, keys.visits(inbox), []);
    if (!flat.ok) return flat;
    const rooms = [];
    for (let index = 0; index < flat.value.length; index += 2) {
      rooms.push({ roomid: flat.value[index] ?? '', read: Number(flat.value[index + 1]) });
    }
    return succeed(rooms);
  }

  return { visit, read: (inbox, roomid, seq) => use(inbox, roomid, seq, 0), visited };
}
