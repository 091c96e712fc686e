import type { RoomLogs } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import type { Outcome } from '../../protocol/codes.ts';
import type { HookListing } from './listing.ts';
import { initialState, subjectOf } from './log-events.ts';
import { pushSubject } from './push-events.ts';

/** The same logs, whose rooms are listed for the sender of webhooks before anything is written to them. */
export function createHookedLogs(logs: RoomLogs, listing: Pick<HookListing, 'run'>): RoomLogs {
  function listedFirst<T>(room: Room, write: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    if (room.kind !== 'room') return write();
    return listing.run(subjectOf(room), () => initialState(logs, room), write);
  }

  const { read, tops, unread, known } = logs;
  return {
    read,
    tops,
    unread,
    known,
    append: (room, draft) => listedFirst(room, () => logs.append(room, draft)),
    replace: (room, seq, members, notice) =>
      listedFirst(room, () => logs.replace(room, seq, members, notice)),
    amend: (room, amendment, notice) => listedFirst(room, () => logs.amend(room, amendment, notice)),
  };
}

/** The logs for pushes: the receiver's inbox is listed before the item is stored in it. */
export function createHookedPushes(
  logs: Pick<RoomLogs, 'append' | 'tops'>,
  listing: Pick<HookListing, 'run'>,
): Pick<RoomLogs, 'append'> {
  return {
    append: (inbox, draft) =>
      listing.run(
        pushSubject(inbox),
        () => initialState(logs, inbox),
        () => logs.append(inbox, draft),
      ),
  };
}
