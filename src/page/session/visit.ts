import { DEFAULT_ROOM } from '../../protocol/limits.ts';
import { parseAvatar, parseId, parseUnreservedUsername, parseUsername } from '../../protocol/names.ts';
import type { Memory } from './memory.ts';
import type { LogPosition } from './room-unread.ts';
import { claimsOf } from './token-desk.ts';
import type { UnsentCopies } from './unsent-copies.ts';

/** The name and picture of this person for others. */
export interface Profile {
  readonly username: string;
  readonly avatar?: string;
}

/** A room of this tab, to be entered again after a reload. */
export interface StoredRoom {
  readonly roomid: string;
  /** The newest message that the reader has seen. */
  readonly seen?: LogPosition;
}

/** A person and the rooms they enter, the shown one first. */
export interface Visit {
  readonly profile: Profile;
  readonly rooms: readonly StoredRoom[];
  readonly token?: string;
}

/** The problem with a name that somebody wants to enter under. */
export type NameProblem = 'invalid' | 'reserved';

/** The initial values of the first screen; with `visit` the page skips it. */
export interface Arrival {
  readonly username: string;
  readonly roomid: string;
  readonly avatar?: string;
  readonly visit?: Visit;
  /** The server keeps this name for others. */
  readonly reservedName?: string;
  /** Proves who comes, under whatever name they enter. */
  readonly token?: string;
}

const NAME_KEY = 'roomcast.name';
const VISIT_KEY = 'roomcast.visit';
const TOKEN_KEY = 'roomcast.token';
const MAX_STORED_ROOMS = 50;

export interface VisitDeps {
  /** The memory for the next time this browser comes. */
  readonly browser: Memory;
  /** The memory of an open tab, so that a refresh stays in the rooms. */
  readonly tab: Memory;
  /** The memory that outlives the tab. Absent where none does. */
  readonly copies?: UnsentCopies;
}

export function readArrival(url: URL, { browser, tab }: VisitDeps): Arrival {
  const query = url.searchParams;
  const addressed = roomOf(url);
  const avatar = parseAvatar(query.get('avatar'));
  const named = query.get('name') || undefined;
  const token = tokenOf(url) ?? tab.read(TOKEN_KEY);
  const claims = token === undefined ? undefined : claimsOf(token);
  const stored = storedVisit(tab);
  const roomid = addressed ?? stored?.rooms[0]?.roomid ?? DEFAULT_ROOM;
  const username = named ?? browser.read(NAME_KEY) ?? '';
  return { username, roomid, avatar, visit: visitOf() };

  function visitOf(): Visit | undefined {
    if (url.pathname.endsWith('/chart.html') && named !== undefined) {
      return parseVisit({ username: named, roomid, avatar });
    }
    if (token !== undefined && claims) {
      const profile = { username: claims.name ?? claims.sub, avatar };
      const rooms = withFirst(stored?.rooms ?? [], roomid);
      return rooms && { profile, rooms, token };
    }
    if (!stored || named !== undefined) return undefined;
    const rooms = withFirst(stored.rooms, roomid);
    return rooms && { ...stored, rooms };
  }
}

/** The room of an address, whether it is one or not: `/r/tea`, or `?roomid=tea` of the source systems. */
export function roomOf(url: URL): string | undefined {
  const [, part] = /\/r\/([^/]+)$/.exec(url.pathname) ?? [];
  if (part === undefined) return url.searchParams.get('roomid') || undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A back end may lead people here by `#token=…`. The part behind `#` reaches no server and no log. */
export function tokenOf(url: URL): string | undefined {
  return new URLSearchParams(url.hash.slice(1)).get('token') || undefined;
}

function withFirst(rooms: readonly StoredRoom[], given: string): readonly StoredRoom[] | undefined {
  const roomid = parseId(given);
  if (roomid === undefined) return undefined;
  const known = rooms.find((room) => room.roomid === roomid);
  return [known ?? { roomid }, ...rooms.filter((room) => room !== known)];
}

export function writeVisit({ profile, rooms, token }: Visit, { browser, tab }: VisitDeps): void {
  if (token === undefined) browser.write(NAME_KEY, profile.username);
  else tab.write(TOKEN_KEY, token);
  tab.write(VISIT_KEY, JSON.stringify({ profile, rooms: rooms.slice(0, MAX_STORED_ROOMS) }));
}

export function endVisit({ tab }: VisitDeps): void {
  tab.forget(VISIT_KEY);
  tab.forget(TOKEN_KEY);
}

export function parseVisit(fields: {
  username: unknown;
  roomid: unknown;
  avatar?: unknown;
}): Visit | undefined {
  const username = parseUnreservedUsername(fields.username);
  const roomid = parseId(fields.roomid);
  if (username === undefined || roomid === undefined) return undefined;
  return { profile: { username, avatar: parseAvatar(fields.avatar) }, rooms: [{ roomid }] };
}

/** `reservedName`: the one that the server has refused. Undefined: the name may be tried. */
export function nameProblem(given: string, reservedName: string | undefined): NameProblem | undefined {
  const username = parseUsername(given);
  if (username === undefined) return 'invalid';
  return username === reservedName || parseUnreservedUsername(username) === undefined
    ? 'reserved'
    : undefined;
}

/** Reads a stored value, which may hold anything. */
function storedVisit(tab: Memory): Visit | undefined {
  try {
    const { profile, rooms } = JSON.parse(tab.read(VISIT_KEY) ?? '{}');
    const username = parseUnreservedUsername(profile?.username);
    if (username === undefined || !Array.isArray(rooms)) return undefined;
    const read = rooms.flatMap(({ roomid: given, seen }) => {
      const roomid = parseId(given);
      if (roomid === undefined) return [];
      return typeof seen?.epoch === 'string' && Number.isSafeInteger(seen.seq)
        ? [{ roomid, seen }]
        : [{ roomid }];
    });
    return { profile: { username, avatar: parseAvatar(profile.avatar) }, rooms: read };
  } catch {
    return undefined;
  }
}
