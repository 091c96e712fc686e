import { setTimeout as pause } from 'node:timers/promises';
import type { Crowd } from './driver/crowd.ts';
import type { RoomMembers } from './driver/orders.ts';
import type { Finding } from './result.ts';

/** Longer than a server may wait before it announces that a crashed worker's users are gone. */
const LIMIT_MS = 15_000;
const ANSWER_MS = 5_000;
const AGAIN_MS = 500;

export interface MembersVerdict {
  readonly isChecked: boolean;
  readonly ghosts: readonly Finding[];
  readonly unlisted: readonly Finding[];
}

/**
 * Compares the lists of members with the clients that are in the rooms, until they agree or the time in which a server
 * may notice the end of a connection is over.
 */
export async function checkMembers(crowd: Crowd, rooms: readonly string[]): Promise<MembersVerdict> {
  const giveUpAt = performance.now() + LIMIT_MS;
  let open = rooms;
  for (;;) {
    const found = mergeByRoom(await crowd.members(open, ANSWER_MS));
    const wrong = [...found].filter(([, each]) => differences(each).length > 0);
    const isChecked = [...found.values()].some(({ listed }) => listed !== undefined);
    if (wrong.length > 0 && performance.now() < giveUpAt) {
      open = wrong.map(([room]) => room);
      await pause(AGAIN_MS);
      continue;
    }
    const findings = wrong.flatMap(([room, each]) =>
      differences(each).map(({ kind, name }): Finding => {
        const detail = kind === 'ghost' ? 'is listed in' : 'is not listed in';
        return { kind, detail: `${name} ${detail} ${room}` };
      }),
    );
    return {
      isChecked: isChecked || open.length < rooms.length,
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
