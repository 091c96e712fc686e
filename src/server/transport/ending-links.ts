import type { Socket } from 'node:net';
import type { Link, LinkInternals } from './link-internals.ts';

/*
 * ws reads on until its client has said farewell too, for up to 30 s: frames that nobody counts any more, a million a second. What
 * an honest client had under way is read; who goes on sending, or says nothing, is cut off.
 */

const LOOK_MS = 20;
/** As much may have been under way. */
const MAX_LATE_BYTES = 64 * 1024;
/** A slow link's farewell takes a while. */
const MAX_LOOKS = 5_000 / LOOK_MS;

export interface EndingLinks {
  /** The link closed, by whomever. */
  closed(link: Link): void;
  close(): void;
}

interface Ending {
  readonly link: Link;
  readonly stream: Socket;
  readonly bytesAtEnd: number;
  looks: number;
}

export function createEndingLinks(links: Pick<LinkInternals, 'streamOf' | 'terminate'>): EndingLinks {
  const endings = new Set<Ending>();
  let looking: NodeJS.Timeout | undefined;

  function look(): void {
    for (const ending of endings) {
      const { link, stream, bytesAtEnd } = ending;
      ending.looks += 1;
      const goesOn = stream.bytesRead - bytesAtEnd > MAX_LATE_BYTES || ending.looks > MAX_LOOKS;
      if (goesOn) links.terminate(link);
      if (goesOn || stream.destroyed) endings.delete(ending);
    }
    if (endings.size === 0) stop();
  }

  function stop(): void {
    clearInterval(looking);
    looking = undefined;
  }

  return {
    closed(link) {
      const stream = links.streamOf(link);
      if (!stream || stream.destroyed) return;
      endings.add({ link, stream, bytesAtEnd: stream.bytesRead, looks: 0 });
      looking ??= setInterval(look, LOOK_MS);
    },
    close() {
      endings.clear();
      stop();
    },
  };
}
