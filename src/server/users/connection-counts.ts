import type { Logger } from 'pino';
import type { Room } from '../../chat/room.ts';
import type { Roster } from '../../chat/roster.ts';

/** How many connections each user has on this worker, as the roster is told. */
export interface ConnectionCounts {
  /** Answers once the roster knows, or cannot be told. */
  increment(inbox: Room): Promise<void>;
  decrement(inbox: Room): Promise<void>;
  /** Says again what the store did not take. */
  restate(): Promise<void>;
  close(): void;
}

export interface ConnectionCountsDeps {
  readonly roster: Pick<Roster, 'setConnections'>;
  readonly log: Logger;
}

/** A store that is full refuses this and answers everything that looks whether it is there. */
const RETRY_MS = 2_000;
const BATCH = 500;

export function createConnectionCounts({ roster, log }: ConnectionCountsDeps): ConnectionCounts {
  const counts = new Map<string, number>();
  const unsaid = new Map<string, Room>();
  let retrying: NodeJS.Timeout | undefined;
  let closed = false;

  async function say(inbox: Room): Promise<void> {
    const count = counts.get(inbox.tag) ?? 0;
    const said = await roster.setConnections(inbox, count);
    if (!said.ok) {
      unsaid.set(inbox.tag, inbox);
      retryLater();
    }
    // A count that is no longer true must not take away the note that the true one could not be said.
    else if (count === (counts.get(inbox.tag) ?? 0)) unsaid.delete(inbox.tag);
  }

  function retryLater(): void {
    if (closed) return;
    retrying ??= setTimeout(() => {
      log.warn({ users: unsaid.size }, 'how many connections users have is not stored yet');
      void restate();
    }, RETRY_MS);
  }

  async function restate(): Promise<void> {
    clearTimeout(retrying);
    retrying = undefined;
    const inboxes = [...unsaid.values()];
    for (let first = 0; first < inboxes.length && !closed; first += BATCH) {
      await Promise.all(inboxes.slice(first, first + BATCH).map(say));
    }
  }

  return {
    increment(inbox) {
      counts.set(inbox.tag, (counts.get(inbox.tag) ?? 0) + 1);
      return say(inbox);
    },
    decrement(inbox) {
      const count = (counts.get(inbox.tag) ?? 1) - 1;
      if (count > 0) counts.set(inbox.tag, count);
      else counts.delete(inbox.tag);
      return say(inbox);
    },
    restate,
    close() {
      closed = true;
      clearTimeout(retrying);
    },
  };
}
