import type { Logger } from 'pino';
import type { Room } from '../chat/room.ts';
import type { RosterCount, RosterEntry } from '../chat/roster.ts';
import { ROSTER_LEASE_MS } from '../chat/roster.ts';
import type { Outcome } from '../protocol/codes.ts';
import { inBatches } from './batches.ts';
import type { StatedPresence, StatedUser } from './stated-presence.ts';

export interface StatingAgainDeps {
  readonly stated: StatedPresence;
  /** To be told of whoever was taken for gone and is back. */
  readonly onReturned: (room: Room, user: RosterEntry, clients: number) => void;
  /** They are in the room already: it cannot be too full for them. */
  readonly enter: (
    room: Room,
    user: StatedUser,
    clients: number,
  ) => Promise<Outcome<RosterCount & { readonly changed: boolean }>>;
  readonly setConnections: (inbox: Room, connections: number) => Promise<Outcome<void>>;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * A worker that was buried or swept while it was frozen or cut off, or whose store lost its data, says all it holds anew. What
 * the store does not take then is said again with the next proof of life, or it would be missing for good.
 */
export interface StatingAgain {
  /** The store was told that this worker lives. `known`: it had been told before. */
  proved(known: boolean): void;
}

export function createStatingAgain(deps: StatingAgainDeps): StatingAgain {
  const { stated, onReturned, enter, setConnections, now, log } = deps;
  let provedAtMs: number | undefined;
  let owing = false;
  let stating = false;

  /** Answers whether the store took all of it. */
  async function stateAll(): Promise<boolean> {
    let taken = true;
    await inBatches(stated.inboxes(), async (inbox) => {
      const connections = stated.connectionsOf(inbox);
      const said = connections === 0 || (await setConnections(inbox, connections)).ok;
      if (!said) taken = false;
    });
    for (const room of stated.rooms()) {
      await inBatches(stated.usersIn(room), async ({ userId }) => {
        // Looked up when its turn comes: whoever left meanwhile is not brought back.
        const now = stated.userIn(room, userId);
        const entered = now && (await enter(room, now.user, now.clients));
        if (entered?.ok === false) taken &&= !entered.error.temporary;
        else if (now && entered?.value.changed) onReturned(room, entryOf(now.user), entered.value.clients);
      });
    }
    return taken;
  }

  async function stateAgain(): Promise<void> {
    stating = true;
    owing = false;
    log.warn({ rooms: stated.rooms().length }, 'this worker was no longer listed and enters again');
    try {
      if (!(await stateAll())) owing = true;
    } finally {
      stating = false;
    }
  }

  return {
    proved(known) {
      const atMs = now();
      // That it was not known may have been the answer to a proof that was lost on its way.
      const silentMs = provedAtMs === undefined ? 0 : atMs - provedAtMs;
      const swept = provedAtMs !== undefined && (!known || silentMs >= ROSTER_LEASE_MS);
      provedAtMs = atMs;
      if (swept) owing = true;
      if (owing && !stating) void stateAgain();
    },
  };
}

function entryOf({ own: _, ...entry }: StatedUser): RosterEntry {
  return entry;
}
