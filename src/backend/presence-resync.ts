import type { Logger } from 'pino';
import { inBatches } from '../chat/batches.ts';
import type { Room } from '../chat/room.ts';
import type { RosterChange, RosterEntry } from '../chat/roster.ts';
import { ROSTER_LEASE_MS } from '../chat/roster.ts';
import type { Outcome } from '../protocol/codes.ts';
import type { ReportedPresence, ReportedUser } from './reported-presence.ts';

export interface PresenceResyncDeps {
  readonly reported: ReportedPresence;
  /** Called for each user whom the roster took for gone and who is back in the room. */
  readonly onReturned: (room: Room, user: RosterEntry, clients: number) => void;
  /**
   * MUST NOT refuse for a full room: the users are in it already. `known`: the members have not been told that the user left,
   * since it is the store that lost them.
   */
  readonly enter: (
    room: Room,
    user: ReportedUser,
    clients: number,
    known: boolean,
  ) => Promise<Outcome<RosterChange>>;
  readonly setConnections: (inbox: Room, connections: number) => Promise<Outcome<void>>;
  /**
   * Takes out what the store has of this instance and this instance does not report, if the store may have lost the newest
   * exits. Returns whether the store accepted that.
   */
  readonly removeUnreported?: () => Promise<boolean>;
  /** Reaps again whom this instance reaped of late, since the store may have lost it. Returns whether the store accepted that. */
  readonly reapAgain?: () => Promise<boolean>;
  /** All that the store lost and accepts now is reported again. */
  readonly onRestored?: () => void;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Reports the whole presence of this worker again after the roster dropped it: the instance was fenced or reaped while
 * it was frozen or cut off, or the store lost its data. If the store rejects part of it, the next heartbeat repeats the
 * report; otherwise those users would be missing for good.
 */
export interface PresenceResync {
  /**
   * The store acknowledged a heartbeat. `known`: the store still knew this instance from an earlier one. `lost`: the store may
   * have lost its newest changes, or everything.
   */
  onHeartbeat(known: boolean, lost: boolean): void;
  /** The roster took this instance for dead, and may have announced its users as gone; they are not all reported again. */
  returning(): boolean;
}

const REASONS = {
  reaped: 'the roster took this worker for dead: its presence is reported again',
  lost: 'Redis lost its data, or may lack the newest: the presence of this worker is reported again',
};

export function createPresenceResync(deps: PresenceResyncDeps): PresenceResync {
  const { reported, onReturned, enter, setConnections, removeUnreported, reapAgain, onRestored, now, log } =
    deps;
  let heartbeatAtMs: number | undefined;
  /**
   * The reason for which not all is reported. A loss goes before a reap, since a store that lost its data has announced nobody
   * as gone.
   */
  let cause: 'reaped' | 'lost' | undefined;
  let reannouncing = false;
  let returning = false;

  /** Returns whether the store accepted all of it. */
  async function reannounceAll(known: boolean): Promise<boolean> {
    let taken = !known || ((await reapAgain?.()) ?? true);
    await inBatches(reported.inboxes(), async (inbox) => {
      const connections = reported.connectionsOf(inbox);
      const stored = connections === 0 || (await setConnections(inbox, connections)).ok;
      if (!stored) taken = false;
    });
    // All rooms together: a worker with a few users in each of very many rooms must be done before changes are announced.
    const memberships = reported
      .rooms()
      .flatMap((room) => reported.usersIn(room).map(({ userId }) => ({ room, userId })));
    await inBatches(memberships, async ({ room, userId }) => {
      // The lookup is now: a user who left since the batch began must not come back.
      const present = reported.userIn(room, userId);
      const entered = present && (await enter(room, present.user, present.clients, known));
      if (entered?.ok === false) taken &&= !entered.error.temporary;
      else if (present && entered?.value.changed)
        onReturned(room, entryOf(present.user), entered.value.clients);
    });
    return ((await removeUnreported?.()) ?? true) && taken;
  }

  async function reannounce(why: 'reaped' | 'lost'): Promise<void> {
    reannouncing = true;
    log.warn({ rooms: reported.rooms().length, why }, REASONS[why]);
    try {
      // A cause that arises meanwhile makes the next heartbeat begin again.
      cause = undefined;
      returning = why === 'reaped';
      if (!(await reannounceAll(why === 'lost'))) cause ??= why;
    } finally {
      reannouncing = false;
      returning = cause === 'reaped';
      if (why === 'lost') onRestored?.();
    }
  }

  return {
    onHeartbeat(known, lost) {
      const atMs = now();
      const isFirst = heartbeatAtMs === undefined;
      // The answer "not known" may have been lost on its way, so a long silence counts as well.
      const silentMs = heartbeatAtMs === undefined ? 0 : atMs - heartbeatAtMs;
      heartbeatAtMs = atMs;
      if (lost) cause = 'lost';
      else if (!isFirst && (!known || silentMs >= ROSTER_LEASE_MS)) cause ??= 'reaped';
      if (cause && !reannouncing) void reannounce(cause);
    },
    returning: () => returning || cause === 'reaped',
  };
}

function entryOf({ own: _, ...entry }: ReportedUser): RosterEntry {
  return entry;
}
