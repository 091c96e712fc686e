import { DEFAULT_ROOM } from '../../protocol/limits.ts';
import { parseAvatar, parseId, parseUnreservedUsername } from '../../protocol/names.ts';
import type { Memory } from './memory.ts';
import type { UnsentCopies } from './unsent-copies.ts';

/** A person and the room they enter. */
export interface Visit {
  readonly username: string;
  readonly roomid: string;
  readonly avatar?: string;
}

/** The initial values of the first screen; with `visit` the page skips it. */
export interface Arrival {
  readonly username: string;
  readonly roomid: string;
  readonly avatar?: string;
  readonly visit?: Visit;
}

const NAME_KEY = 'roomcast.name';
const VISIT_KEY = 'roomcast.visit';

export interface VisitDeps {
  /** For the next time this browser comes. */
  readonly browser: Memory;
  /** As long as the tab is open, so that a refresh stays in the room. */
  readonly tab: Memory;
  /** What outlives the tab. Absent where nothing does. */
  readonly copies?: UnsentCopies;
}

export function readArrival(url: URL, { browser, tab }: VisitDeps): Arrival {
  const query = url.searchParams;
  const roomid = query.get('roomid') || undefined;
  const avatar = parseAvatar(query.get('avatar'));
  const named = query.get('name') || undefined;
  const invited = url.pathname.endsWith('/chart.html')
    ? parseVisit({ username: named, roomid: roomid ?? DEFAULT_ROOM, avatar })
    : undefined;
  const stored = storedVisit(tab);
  const isSameRoom = stored && (roomid ?? stored.roomid) === stored.roomid;
  const resumed = named === undefined && isSameRoom ? stored : undefined;
  return {
    username: named ?? browser.read(NAME_KEY) ?? '',
    roomid: roomid ?? DEFAULT_ROOM,
    avatar,
    visit: invited ?? resumed,
  };
}

export function writeVisit(visit: Visit, { browser, tab }: VisitDeps): void {
  browser.write(NAME_KEY, visit.username);
  tab.write(VISIT_KEY, JSON.stringify(visit));
}

export function endVisit({ tab }: VisitDeps): void {
  tab.forget(VISIT_KEY);
}

/** The address to share: it contains the room, but no name. */
export function roomAddress(url: URL, roomid: string): URL {
  const address = new URL(url);
  address.search = '';
  address.hash = '';
  address.searchParams.set('roomid', roomid);
  return address;
}

export function parseVisit(fields: {
  username: unknown;
  roomid: unknown;
  avatar?: unknown;
}): Visit | undefined {
  const username = parseUnreservedUsername(fields.username);
  const roomid = parseId(fields.roomid);
  if (username === undefined || roomid === undefined) return undefined;
  return { username, roomid, avatar: parseAvatar(fields.avatar) };
}

function storedVisit(tab: Memory): Visit | undefined {
  try {
    return parseVisit(JSON.parse(tab.read(VISIT_KEY) ?? '{}'));
  } catch {
    return undefined;
  }
}
