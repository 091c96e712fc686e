import type { Link, LinkInternals } from './link-internals.ts';

/** More events than this of one link in one turn of the event loop: the others have a turn before its next ones. */
const EVENTS_PER_TURN = 64;

export interface IntakeDeps {
  readonly links: Pick<LinkInternals, 'pauseReading' | 'resumeReading'>;
  /** Whether much waits for the link. */
  readonly isBehind: (link: Link) => boolean;
  /** Calls back in the next turn of the event loop. */
  readonly nextTurn: (callback: () => void) => void;
  /** Calls back in a moment. */
  readonly later: (callback: () => void) => void;
}

/**
 * Shares out the reading. A turn of the event loop reads up to 2 MiB of each link: fifty that send as fast as they can kept
 * one busy for 11 s, in which nobody else was served. So whoever sends much is read on only when its turn comes, one such
 * link a turn; its sender notices by TCP. Not before it has taken its answers: they would pile up and make it a slow client.
 */
export interface Intake {
  /** An event of the link arrived. */
  heard(link: Link): void;
}

export function createIntake({ links, isBehind, nextTurn, later }: IntakeDeps): Intake {
  const heard = new Map<Link, number>();
  const paused = new Set<Link>();
  const called = new Set<IntakeDeps['later']>();

  function turn(): void {
    heard.clear();
    if (paused.size === 0) return;
    const next = firstToRead();
    if (next) {
      paused.delete(next);
      links.resumeReading(next);
    }
    if (paused.size > 0) wait(next ? nextTurn : later);
  }

  function firstToRead(): Link | undefined {
    for (const link of paused) {
      // Of one that ends nothing more is read.
      if (link.readyState !== 'open') paused.delete(link);
      else if (!isBehind(link)) return link;
    }
    return undefined;
  }

  function wait(how: IntakeDeps['later']): void {
    if (called.has(how)) return;
    called.add(how);
    how(() => {
      called.delete(how);
      turn();
    });
  }

  return {
    heard(link) {
      const events = (heard.get(link) ?? 0) + 1;
      heard.set(link, events);
      if (events > EVENTS_PER_TURN && !paused.has(link)) {
        paused.add(link);
        links.pauseReading(link);
      }
      wait(nextTurn);
    },
  };
}
