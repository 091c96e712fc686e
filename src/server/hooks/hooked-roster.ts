import type { Room } from '../../chat/room.ts';
import type { Roster } from '../../chat/roster.ts';
import { succeed } from '../../protocol/codes.ts';
import { PRESENCE_GRACE_MS } from '../../protocol/limits.ts';
import type { HookListing } from './listing.ts';
import { initialPresence, roomSubject, userSubject } from './presence-events.ts';

/** Listed and noted when a dead worker's users are gone: the sender compares everything then. */
export const REAPED_SUBJECT = JSON.stringify(['reaped']);

export interface HookedRosterDeps {
  readonly listing: Pick<HookListing, 'run'>;
  readonly rooms: boolean;
  readonly users: boolean;
  readonly newId: () => string;
}

/**
 * The same roster, whose rooms and users are listed for the sender of webhooks before their presence changes, and noted
 * after it. Nobody is kept out because they cannot be listed.
 */
export function createHookedRoster(roster: Roster, deps: HookedRosterDeps): Roster {
  const { listing, rooms, users, newId } = deps;
  const begin = async () => succeed(initialPresence(newId()));
  const isWatched = (room: Room) => rooms && room.kind === 'room';

  return {
    ...roster,
    enter(room, ...entry) {
      const enter = () => roster.enter(room, ...entry);
      if (!isWatched(room)) return enter();
      const isNoted = ({ changed }: { changed: boolean }) => changed;
      return listing.run(roomSubject(room), begin, enter, { unlisted: 'write', isNoted });
    },
    exit(room, ...user) {
      const exit = () => roster.exit(room, ...user);
      return isWatched(room) ? listing.run(roomSubject(room), begin, exit, { unlisted: 'write' }) : exit();
    },
    setConnections(inbox, connections) {
      const set = () => roster.setConnections(inbox, connections);
      if (!users) return set();
      return listing.run(userSubject(inbox), begin, set, {
        unlisted: 'write',
        // The second connection of a user here changes nothing.
        isNoted: () => connections <= 1,
        // A client whose connection was lost returns meanwhile.
        noteAfterMs: connections === 0 ? PRESENCE_GRACE_MS : 0,
      });
    },
    reap: (instanceId) =>
      listing.run(
        REAPED_SUBJECT,
        async () => succeed('0'),
        () => roster.reap(instanceId),
        { unlisted: 'write' },
      ),
  };
}
