import type { Room } from '../chat/room.ts';
import type { Roster } from '../chat/roster.ts';

/** How many connections each user has on this worker, as the roster is told. */
export interface Connections {
  /** Answers once the roster knows, or cannot be told. */
  come(inbox: Room): Promise<void>;
  go(inbox: Room): Promise<void>;
  /** Says again what the store could not be told while it was away. */
  restate(): void;
}

export function createConnections(roster: Pick<Roster, 'setConnections'>): Connections {
  const counts = new Map<string, number>();
  const unsaid = new Map<string, Room>();

  async function say(inbox: Room): Promise<void> {
    const count = counts.get(inbox.tag) ?? 0;
    const said = await roster.setConnections(inbox, count);
    if (!said.ok) unsaid.set(inbox.tag, inbox);
    // A count that is no longer true must not take away the note that the true one could not be said.
    else if (count === (counts.get(inbox.tag) ?? 0)) unsaid.delete(inbox.tag);
  }

  return {
    come(inbox) {
      counts.set(inbox.tag, (counts.get(inbox.tag) ?? 0) + 1);
      return say(inbox);
    },
    go(inbox) {
      const count = (counts.get(inbox.tag) ?? 1) - 1;
      if (count > 0) counts.set(inbox.tag, count);
      else counts.delete(inbox.tag);
      return say(inbox);
    },
    restate() {
      for (const inbox of [...unsaid.values()]) void say(inbox);
    },
  };
}
