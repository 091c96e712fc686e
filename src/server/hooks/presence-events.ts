import type { HookSource } from '../../chat/hook-queue.ts';
import { inboxOf, type Room, roomOf } from '../../chat/room.ts';
import type { Roster } from '../../chat/roster.ts';
import type { HookEvent } from './log-events.ts';

/*
 * Rooms that are occupied and users who are online are states, and the roster has them. The queue has which of them the
 * receiver knows, so it learns of each change that lasts, and of none that was undone before the sender looked:
 *
 *   sent(present?) ──the roster says otherwise──► due(present, id, time) ──taken──► sent(present), compared again
 *
 * `due` is stored before it is posted. Otherwise a sender that died after its post, and a change that was undone then, would
 * leave the receiver with what is no longer true. If the queue has lost what the receiver knows, `sent` has `?` in the place of
 * what it was told.
 */

export type PresenceEventType = 'room.occupied' | 'room.vacated' | 'user.online' | 'user.offline';

type PresenceKind = 'room' | 'user';

const TYPES: Readonly<
  Record<PresenceKind, readonly [absent: PresenceEventType, present: PresenceEventType]>
> = {
  room: ['room.vacated', 'room.occupied'],
  user: ['user.offline', 'user.online'],
};

export interface PresenceEvents {
  /** Returns whether the subject is a room or a user whose events are wanted. */
  includes(subject: string): boolean;
  /** Returns those whose state is not what the roster says, with their next states. One that cannot be read now is left out. */
  changed(sources: readonly HookSource[]): Promise<readonly HookSource[]>;
  /** Returns the event of a source that is `due`; undefined if this one is not wanted. */
  eventOf(source: HookSource): HookEvent | undefined;
}

export interface PresenceEventsDeps {
  readonly roster: Pick<Roster, 'count' | 'connections'>;
  readonly wanted: readonly string[];
  /** Ms since 1970. */
  readonly now: () => number;
}

export const roomSubject = ({ nsp, roomid }: Room): string => JSON.stringify(['room', nsp, roomid]);
export const isPresence = (subject: string): boolean => /^\["(room|user)",/.test(subject);
export const userSubject = ({ nsp, roomid }: Room): string => JSON.stringify(['user', nsp, roomid]);

/** `listing` is an id that no other listing has: it begins the ids of the events. */
export const initialPresence = (listing: string): string => `sent 0 ${listing} 0`;
/** The state of one of which nobody knows what the receiver was told: it is told what is true. */
export const unknownPresence = (listing: string): string => `sent ? ${listing} 0`;
export const isDue = (state: string): boolean => state.startsWith('due ');
export const isAbsent = (state: string): boolean => state.startsWith('sent 0 ');
/** The state once the receiver has taken the event. */
export const takenState = (state: string): string => ['sent', ...state.split(' ').slice(1, 4)].join(' ');

export function createPresenceEvents({ roster, wanted, now }: PresenceEventsDeps): PresenceEvents {
  async function connectionsOf(inboxes: readonly Room[]): Promise<readonly (number | undefined)[]> {
    const found = await roster.connections(inboxes);
    if (found.ok) return found.value;
    // One server of several may be away.
    const each = await Promise.all(inboxes.map((inbox) => roster.connections([inbox])));
    return each.map((one) => (one.ok ? one.value[0] : undefined));
  }

  async function usersIn(room: Room): Promise<number | undefined> {
    const counted = await roster.count(room);
    return counted.ok ? counted.value.users : undefined;
  }

  return {
    includes(subject) {
      const { kind } = parsed(subject);
      return kind !== undefined && TYPES[kind].some((type) => wanted.includes(type));
    },
    async changed(sources) {
      const settled = sources.filter(({ state }) => !isDue(state));
      const [rooms, users] = (['room', 'user'] as const).map((kind) =>
        settled.filter(({ subject }) => parsed(subject).kind === kind),
      ) as [HookSource[], HookSource[]];
      const [inRooms, ofUsers] = await Promise.all([
        Promise.all(rooms.map(({ subject }) => usersIn(roomOf(...namesIn(subject))))),
        users.length > 0 ? connectionsOf(users.map(({ subject }) => inboxOf(...namesIn(subject)))) : [],
      ]);
      const present = [...inRooms, ...ofUsers];
      return [...rooms, ...users].flatMap(({ subject, state }, index) => {
        const count = present[index];
        const [, known, listing, number] = state.split(' ');
        const flag = count === 0 ? '0' : '1';
        if (count === undefined || flag === known) return [];
        return [{ subject, state: `due ${flag} ${listing} ${Number(number) + 1} ${now()}` }];
      });
    },
    eventOf({ subject, state }) {
      const { kind } = parsed(subject);
      const [, present, listing, number, at] = state.split(' ');
      const type = kind && TYPES[kind][present === '1' ? 1 : 0];
      if (type === undefined || !wanted.includes(type)) return undefined;
      const [ns, name] = namesIn(subject);
      const named = kind === 'room' ? { roomid: name } : { userId: name };
      return { id: `${listing}:${number}`, type, at: Number(at), ns, ...named };
    },
  };
}

function parsed(subject: string): { kind: PresenceKind | undefined } {
  const [kind] = JSON.parse(subject) as [string];
  return { kind: kind === 'room' || kind === 'user' ? kind : undefined };
}

function namesIn(subject: string): [nsp: string, name: string] {
  const [, nsp, name] = JSON.parse(subject) as [string, string, string];
  return [nsp, name];
}
