import type { Room } from '../../../chat/room.ts';
import { roomOf } from '../../../chat/room.ts';
import type { Outcome, Refusal } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';

/*
 * The rooms, inboxes and textmsg audiences (kind `lounge`) that each instance occupies: one sorted set per instance, all of score 0, whose members
 * are `kind NUL namespace NUL id`. No namespace or id holds a NUL, so every kind, and every namespace of a kind, is one
 * range in byte order. An inbox stands for its user's connections.
 */

/** A longer page would block every other call of Redis. */
const PAGE = 1_000;
const KINDS = ['room', 'inbox', 'lounge'] as const satisfies readonly Room['kind'][];

/** A range of ZRANGEBYLEX. */
export type Range = readonly [min: string, max: string];

export const ALL_OCCUPIED: Range = ['-', '+'];

export function encodeRoom(room: Room): string {
  return `${room.kind}\0${room.nsp}\0${room.roomid}`;
}

export function decodeRoom(member: string): Room {
  const [listed, nsp = '', roomid = ''] = member.split('\0');
  const kind = KINDS.find((one) => one === listed);
  if (!kind) throw new Error('the index of an instance has a room of an unknown kind');
  return roomOf(nsp, roomid, kind);
}

/** Cheaper than `decodeRoom`, which hashes. */
export function roomidOf(member: string): string {
  return member.slice(member.lastIndexOf('\0') + 1);
}

export function rangeOf(kind: Room['kind']): Range {
  return [`[${kind}\0`, `(${kind}\x01`];
}

/** The rooms of a namespace that follow `after`. */
export function rangeAfter(nsp: string, after = ''): Range {
  return [`(room\0${nsp}\0${after}`, `(room\0${nsp}\x01`];
}

type Calls = Pick<RedisCommands, 'call'>;

/** The servers that keep the index: one for all rooms, or each of several for its own. */
export interface IndexParts {
  all(): readonly Calls[];
  of(room: Room): Calls;
}

export interface OccupiedRooms {
  occupy(instanceId: string, room: Room): Promise<Outcome<unknown>>;
  vacate(instanceId: string, room: Room): Promise<Outcome<unknown>>;
  /** The same, wherever the room is listed: servers may have been added since. */
  vacateAnywhere(instanceId: string, room: Room): Promise<Outcome<unknown>>;
  /** Returns whether the instance has any room left. */
  any(instanceId: string): Promise<Outcome<boolean>>;
  /** Extends the index's lifetime. It expires in case the instance's record is lost. */
  extendLifetime(instanceId: string, forMs: string): Promise<Outcome<unknown>>;
  /**
   * Passes the members in the range page by page, each page once `handle` is done with the one before. Refuses after the last
   * page if a part of the index is away.
   */
  eachPage(
    instanceId: string,
    range: Range,
    handle: (members: readonly string[]) => unknown,
  ): Promise<Outcome<void>>;
  /** The members in the range, at most `limit` of each instance. */
  of(instanceIds: readonly string[], range: Range, limit: number): Promise<Outcome<string[]>>;
  /** Counts the different members that the instances have in the range; members of one `nameOf` count as one. */
  countDifferent(
    instanceIds: readonly string[],
    range: Range,
    nameOf?: (member: string) => string,
  ): Promise<Outcome<number>>;
}

export function createOccupiedRooms(
  parts: IndexParts,
  { occupiedRooms: keyOf }: Pick<RedisKeys, 'occupiedRooms'>,
): OccupiedRooms {
  const page = (part: Calls, instanceId: string, [min, max]: Range, limit: number) =>
    part.call<string[]>(['ZRANGEBYLEX', keyOf(instanceId), min, max, 'LIMIT', '0', String(limit)]);
  const onEach = <T>(make: (part: Calls) => Promise<Outcome<T>>) => allValues(parts.all().map(make));

  async function eachPage(
    instanceId: string,
    range: Range,
    handle: (members: readonly string[]) => unknown,
  ): Promise<Outcome<void>> {
    let refused: Refusal | undefined;
    for (const part of parts.all()) {
      const read = await eachPageOf(part, instanceId, range, handle);
      if (!read.ok) refused = read;
    }
    return refused ?? succeed(undefined);
  }

  async function eachPageOf(
    part: Calls,
    instanceId: string,
    [min, max]: Range,
    handle: (members: readonly string[]) => unknown,
  ): Promise<Outcome<void>> {
    for (let from = min; ; ) {
      const read = await page(part, instanceId, [from, max], PAGE);
      if (!read.ok) return read;
      await handle(read.value);
      const last = read.value.at(-1);
      if (last === undefined || read.value.length < PAGE) return succeed(undefined);
      from = `(${last}`;
    }
  }

  return {
    occupy: (instanceId, room) => parts.of(room).call(['ZADD', keyOf(instanceId), '0', encodeRoom(room)]),
    vacate: (instanceId, room) => parts.of(room).call(['ZREM', keyOf(instanceId), encodeRoom(room)]),
    vacateAnywhere: (instanceId, room) =>
      onEach((part) => part.call(['ZREM', keyOf(instanceId), encodeRoom(room)])),
    async any(instanceId) {
      const found = await onEach((part) => part.call<number>(['EXISTS', keyOf(instanceId)]));
      return found.ok ? succeed(found.value.includes(1)) : found;
    },
    extendLifetime: (instanceId, forMs) => onEach((part) => part.call(['PEXPIRE', keyOf(instanceId), forMs])),
    eachPage,
    async of(instanceIds, range, limit) {
      const found = await onEach((part) =>
        allValues(instanceIds.map((instanceId) => page(part, instanceId, range, limit))),
      );
      return found.ok ? succeed(found.value.flat(2)) : found;
    },
    async countDifferent(instanceIds, range, nameOf = (member) => member) {
      const seen = new Set<string>();
      const read = await allValues(
        instanceIds.map((instanceId) =>
          eachPage(instanceId, range, (members) => {
            for (const member of members) seen.add(nameOf(member));
          }),
        ),
      );
      return read.ok ? succeed(seen.size) : read;
    },
  };
}
