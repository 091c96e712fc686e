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
  /** MUST NOT refuse for a full room: the users are in it already. */
  readonly enter: (room: Room, user: ReportedUser, clients: number) => Promise<Outcome<RosterChange>>;
  readonly setConnections: (inbox: Room, connections: number) => Promise<Outcome<void>>;
  /**
   * Takes out what the store has of this instance and this instance does not report, if the store may have lost the newest
   * exits. Returns whether the store accepted that.
   */
  readonly removeUnreported?: () => Promise<boolean>;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Reports the whole presence of this worker again after the roster dropped it: the instance was fenced or reaped while
 * it was frozen or cut off, or the store lost its data. If the store rejects part of it, the next heartbeat repeats the
 * report; otherwise those users would be missing for good.
 */
export interface PresenceResync {
  /** The store acknowledged a heartbeat. `known`: the store still knew this instance from an earlier one. */
  onHeartbeat(known: boolean): void;
  /** The store may have lost the newest changes. */
  onLoss(): void;
}

export function createPresenceResync(deps: PresenceResyncDeps): PresenceResync {
  const { reported, onReturned, enter, setConnections, removeUnreported, now, log } = deps;
  let heartbeatAtMs: number | undefined;
  let incomplete = false;
  let reannouncing = false;

  /** Returns whether the store accepted all of it. */
  async function reannounceAll(): Promise<boolean> {
    let taken = true;
    await inBatches(reported.inboxes(), async (inbox) => {
      const connections = reported.connectionsOf(inbox);
      const stored = connections === 0 || (await setConnections(inbox, connections)).ok;
      if (!stored) taken = false;
    });
    for (const room of reported.rooms()) {
      await inBatches(reported.usersIn(room), async ({ userId }) => {
        // The lookup is now: a user who left since the batch began must not come back.
        const present = reported.userIn(room, userId);
        const entered = present && (await enter(room, present.user, present.clients));
        if (entered?.ok === false) taken &&= !entered.error.temporary;
        else if (present && entered?.value.changed)
          onReturned(room, entryOf(present.user), entered.value.clients);
      });
    }
    return ((await removeUnreported?.()) ?? true) && taken;
  }

  async function reannounce(): Promise<void> {
    reannouncing = true;
    incomplete = false;
    log.warn(
      { rooms: reported.rooms().length },
      'the roster dropped this worker: its presence is reported again',
    );
    try {
      if (!(await reannounceAll())) incomplete = true;
    } finally {
      reannouncing = false;
    }
  }

  return {
    onHeartbeat(known) {
      const atMs = now();
      // The answer "not known" may have been lost on its way, so a long silence counts as well.
      const silentMs = heartbeatAtMs === undefined ? 0 : atMs - heartbeatAtMs;
      const dropped = heartbeatAtMs !== undefined && (!known || silentMs >= ROSTER_LEASE_MS);
      heartbeatAtMs = atMs;
      if (dropped) incomplete = true;
      if (incomplete && !reannouncing) void reannounce();
    },
    onLoss() {
      // If it is reporting already, the next heartbeat begins again.
      incomplete = true;
      if (!reannouncing) void reannounce();
    },
  };
}

function entryOf({ own: _, ...entry }: ReportedUser): RosterEntry {
  return entry;
}
