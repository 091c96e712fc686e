import type { Link, LinkInternals } from './link-internals.ts';

/** More events than this of one link in one turn of the event loop: the others have a turn before its next ones. */
const EVENTS_PER_TURN = 64;

export interface IntakeDeps {
  readonly links: Pick<LinkInternals, 'pauseReading' | 'resumeReading'>;
  /** Calls back in the next turn of the event loop. */
  readonly nextTurn: (callback: () => void) => void;
}

/**
 * Shares out the reading. A turn of the event loop reads up to 2 MiB of each link: fifty that send as fast as they can kept
 * one busy for 11 s, in which nobody else was served. So whoever sends much is read on only when its turn comes, one such
 * link a turn; its sender notices by TCP.
 */
export interface Intake {
  /** An event of the link arrived. */
  heard(link: Link): void;
}

export function createIntake({ links, nextTurn }: IntakeDeps): Intake {
  const heard = new Map<Link, number>();
  const paused = new Set<Link>();
  let waiting = false;

  function turn(): void {
    waiting = false;
    heard.clear();
    const [first] = paused;
    if (!first) return;
    paused.delete(first);
    links.resumeReading(first);
    if (paused.size > 0) wait();
  }

  function wait(): void {
    if (waiting) return;
    waiting = true;
    nextTurn(turn);
  }

  return {
    heard(link) {
      const events = (heard.get(link) ?? 0) + 1;
      heard.set(link, events);
      if (events > EVENTS_PER_TURN && !paused.has(link)) {
        paused.add(link);
        links.pauseReading(link);
      }
      wait();
    },
  };
}
