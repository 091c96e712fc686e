import { setTimeout as pause } from 'node:timers/promises';
import type { Crowd } from './driver/crowd.ts';
import type { RoomMembers } from './driver/orders.ts';
import type { Finding } from './result.ts';

/** Longer than a server may wait before it announces that a crashed worker's users are gone. */
const LIMIT_MS = 15_000;
const ANSWER_MS = 5_000;
const AGAIN_MS = 500;

export interface MembersVerdict {
  /** The rooms with connected clients. */
  readonly rooms: number;
  /** Those of them whose list the server did not give. */
  readonly uncheckedRooms: number;
  readonly ghosts: readonly Finding[];
  readonly unlisted: readonly Finding[];
}

/** The time for the server to answer and to notice the end of a connection, and the pause before it is asked again. */
export interface Patience {
  readonly limitMs: number;
  readonly againMs: number;
}

/** Says in a sentence which rooms' lists were not compared. */
export function uncheckedMembers(verdict: MembersVerdict | undefined): string | undefined {
  const { rooms = 0, uncheckedRooms = 0 } = verdict ?? {};
  if (rooms === uncheckedRooms)
    return 'Who is listed in the rooms: no list of members could be had from the server.';
  if (uncheckedRooms === 0) return undefined;
  return `Who is listed in ${uncheckedRooms} of ${rooms} rooms: no list of their members could be had from the server.`;
}

/**
 * Compares the lists of members with the clients that are in the rooms, until they agree or the time in which a server
 * may notice the end of a connection is over.
 */
export async function checkMembers(
  crowd: Pick<Crowd, 'members'>,
  rooms: readonly string[],
  { limitMs, againMs }: Patience = { limitMs: LIMIT_MS, againMs: AGAIN_MS },
): Promise<MembersVerdict> {
  const giveUpAt = performance.now() + limitMs;
  const occupied = new Set<string>();
  let open = rooms;
  for (;;) {
    const found = mergeByRoom(await crowd.members(open, ANSWER_MS));
    for (const [room, { connected }] of found) if (connected.size > 0) occupied.add(room);
    const wrong = [...found].filter(([, each]) => differences(each).length > 0);
    const unchecked = [...found].filter(([, each]) => each.listed === undefined && each.connected.size > 0);
    if (wrong.length + unchecked.length > 0 && performance.now() < giveUpAt) {
      open = [...wrong, ...unchecked].map(([room]) => room);
      await pause(againMs);
      continue;
    }
    const findings = wrong.flatMap(([room, each]) =>
      differences(each).map(({ kind, name }): Finding => {
        const detail = kind === 'ghost' ? 'is listed in' : 'is not listed in';
        return { kind, detail: `${name} ${detail} ${room}` };
      }),
    );
    return {
      rooms: occupied.size,
      uncheckedRooms: unchecked.length,
      ghosts: findings.filter(({ kind }) => kind === 'ghost'),
      unlisted: findings.filter(({ kind }) => kind === 'unlisted'),
    };
  }
}

interface Merged {
  readonly listed: ReadonlySet<string> | undefined;
  readonly connected: ReadonlySet<string>;
}

/** Each process knows its own clients of a room and asks one of them. */
function mergeByRoom(answers: readonly RoomMembers[]): Map<string, Merged> {
  const rooms = new Map<string, Merged>();
  for (const { room, listed, connected } of answers) {
    const known = rooms.get(room);
    rooms.set(room, {
      listed: listed === undefined ? known?.listed : new Set(listed),
      connected: new Set([...(known?.connected ?? []), ...connected]),
    });
  }
  return rooms;
}

function differences({ listed, connected }: Merged) {
  if (listed === undefined) return [];
  return [
    ...[...listed].filter((name) => !connected.has(name)).map((name) => ({ kind: 'ghost' as const, name })),
    ...[...connected]
      .filter((name) => !listed.has(name))
      .map((name) => ({ kind: 'unlisted' as const, name })),
  ];
}
