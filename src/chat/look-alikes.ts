import { type Outcome, succeed } from '../protocol/codes.ts';
import { MAX_MEMBERS } from '../protocol/limits.ts';
import type { Sized } from '../sizes.ts';
import type { Room } from './room.ts';
import { createRoomNames, type RoomNames } from './room-names.ts';
import type { PresenceChange, PresenceEvent, Roster, RosterMembersPage, RosterPage } from './roster.ts';

/*
 * Marks the members whose names look like another member's, on any worker, wherever members are told of each other.
 *
 * The rosters of all workers are one, but what a worker is told of it comes in pieces. For the diffs, the worker keeps the names
 * of a room: it reads the list once, before the first diff or join that it passes on, and then follows the diffs by their `rev`.
 * A jump means that it missed one, and the list is read again. A room that is too large for names needs none of this.
 *
 * A member may be marked, or no longer, because of somebody else who came, left or took another name. The diff of that change
 * then lists the member among its `joins`, as for a new name.
 */

/** Names that are kept, of all rooms together, where a room counts as one more; the rooms without news for longest go first. */
const MAX_KEPT_NAMES = 20_000;
/** Members of one room with whom a page of a longer list is compared, the first by user id. */
const MAX_COMPARED = 1_000;
const COMPARED_FOR_MS = 5_000;
const MAX_COMPARED_ROOMS = 100;

export interface LookAlikesDeps {
  readonly roster: Pick<Roster, 'members'>;
  /** Passes a change on with its marks. The changes of a room keep their order. */
  readonly deliver: (room: Room, change: PresenceChange | PresenceEvent) => void;
  /** A clock that never steps. */
  readonly now: () => number;
  readonly maxKeptNames?: number;
}

export interface LookAlikes {
  /** Takes a change as the roster publishes it. */
  push(room: Room, change: PresenceChange | PresenceEvent): void;
  /** `Roster.members` with the marks. */
  members: Roster['members'];
  /** The worker follows the room no longer: forgets the names in it, and the changes that wait for them. */
  forget(room: Room): void;
}

type PresenceNames = Extract<PresenceChange, { readonly joins: unknown }>;

interface KeptNames {
  readonly rev: number;
  readonly names: RoomNames;
}

/** A room takes memory beside its names. */
const weightOf = ({ names }: KeptNames) => names.size() + 1;

export function createLookAlikes({
  roster,
  deliver,
  now,
  maxKeptNames = MAX_KEPT_NAMES,
}: LookAlikesDeps): LookAlikes & Sized {
  const kept = new Map<string, KeptNames>();
  let keptNames = 0;
  /** The changes that wait for the list of their room. */
  const waiting = new Map<string, (PresenceChange | PresenceEvent)[]>();
  const compared = new Map<string, { readonly at: number; readonly names: Promise<RoomNames | undefined> }>();

  function forget(tag: string): void {
    const known = kept.get(tag);
    if (known) keptNames -= weightOf(known);
    kept.delete(tag);
  }

  /** Keeps nothing of a room that everybody has left: the list is read again for the next one who comes. */
  function keep(tag: string, entry: KeptNames): void {
    if (entry.names.size() === 0) return;
    kept.set(tag, entry);
    keptNames += weightOf(entry);
    for (const oldest of kept.keys()) {
      if (keptNames <= maxKeptNames || oldest === tag) break;
      forget(oldest);
    }
  }

  async function load(room: Room): Promise<KeptNames | undefined> {
    const listed = await roster.members(room, { limit: MAX_MEMBERS });
    // Nothing is marked while the store is away, nor in a room that is too large.
    if (!listed.ok || listed.value.next !== undefined) return undefined;
    return { rev: listed.value.rev, names: createRoomNames(listed.value.members) };
  }

  function push(room: Room, change: PresenceChange | PresenceEvent): void {
    const queue = waiting.get(room.tag);
    if (queue) queue.push(change);
    else if (needsNames(room, change)) void loadFor(room, change);
    else pass(room, change);
  }

  /** The changes behind one that waits wait too. Another one of them may need the list again. */
  async function loadFor(room: Room, first: PresenceChange | PresenceEvent): Promise<void> {
    const queue = [first];
    waiting.set(room.tag, queue);
    forget(room.tag);
    const loaded = await load(room).catch(() => undefined);
    // The worker has left the room meanwhile, and may have entered it again.
    if (waiting.get(room.tag) !== queue) return;
    waiting.delete(room.tag);
    if (loaded) keep(room.tag, loaded);
    pass(room, first);
    for (const change of queue.slice(1)) push(room, change);
  }

  function needsNames({ tag }: Room, change: PresenceChange | PresenceEvent): boolean {
    const known = kept.get(tag);
    if ('event' in change) return change.event === 'join' && known === undefined;
    return 'joins' in change && (known === undefined || change.rev > known.rev + 1);
  }

  function pass(room: Room, change: PresenceChange | PresenceEvent): void {
    const known = kept.get(room.tag);
    if ('event' in change) {
      deliver(
        room,
        change.event === 'join' && known ? { ...change, user: known.names.marked(change.user) } : change,
      );
    } else if (!('joins' in change)) {
      if (known && change.rev > known.rev) forget(room.tag);
      deliver(room, change);
    } else deliver(room, known ? follow(room, known, change) : change);
  }

  /** Brings the names up to date, unless the list was read after the change. */
  function follow({ tag }: Room, { rev, names }: KeptNames, change: PresenceNames): PresenceNames {
    const { joins, leaves } = change;
    const looks = [...joins.flatMap(names.looksOf), ...leaves.flatMap(names.looksOf)];
    let before: Map<string, boolean> | undefined;
    if (change.rev === rev + 1) {
      before = new Map(names.alike(looks).map((user) => [user.userId, names.isConfusable(user)]));
      forget(tag);
      for (const user of joins) names.set(user);
      for (const { userId } of leaves) names.delete(userId);
      keep(tag, { rev: change.rev, names });
    }
    const named = new Set([...joins, ...leaves].map(({ userId }) => userId));
    const others = names
      .alike(looks)
      .filter((user) => !named.has(user.userId) && before?.get(user.userId) !== names.isConfusable(user));
    return { ...change, joins: [...joins, ...others].map(names.marked) };
  }

  async function readNames(room: Room): Promise<RoomNames | undefined> {
    const names = createRoomNames();
    let after: string | undefined;
    do {
      const listed = await roster.members(room, { limit: MAX_MEMBERS, after });
      if (!listed.ok) return undefined;
      for (const member of listed.value.members) names.set(member);
      after = listed.value.next;
    } while (after !== undefined && names.size() < MAX_COMPARED);
    return names;
  }

  /** Everybody who pages through a long list in this time shares one reading. */
  function comparedNames(room: Room): Promise<RoomNames | undefined> {
    const known = compared.get(room.tag);
    if (known && now() - known.at < COMPARED_FOR_MS) return known.names;
    const names = readNames(room);
    compared.delete(room.tag);
    compared.set(room.tag, { at: now(), names });
    for (const oldest of compared.keys()) {
      if (compared.size <= MAX_COMPARED_ROOMS) break;
      compared.delete(oldest);
    }
    return names;
  }

  return {
    sizes: () => ({ kept: kept.size, waiting: waiting.size, compared: compared.size }),
    push,
    forget({ tag }) {
      forget(tag);
      waiting.delete(tag);
    },
    async members(room: Room, page: RosterPage): Promise<Outcome<RosterMembersPage>> {
      const listed = await roster.members(room, page);
      if (!listed.ok || listed.value.members.length === 0) return listed;
      const { members, next } = listed.value;
      const isWhole = page.after === undefined && next === undefined;
      const names = isWhole ? createRoomNames() : await comparedNames(room);
      if (!names) return listed;
      // The page is newer than a list that others had read.
      for (const member of members) names.set(member);
      return succeed({ ...listed.value, members: members.map(names.marked) });
    },
  };
}
