import type { ServerResponse } from 'node:http';
import { Server as Engine } from 'engine.io';
import { endPollingBy, type PollingEnd } from './private-members.ts';

/*
 * How the server ends the session of a client that polls. Engine.IO sends its CLOSE packet, and clients of some languages
 * take that as final: python-engineio's never come back. A session that is not known (any more) every client takes as a
 * connection that was lost, and opens another. So the poll is refused as if the session were gone:
 *
 *   let go ──what is buffered was fetched──► ending ──next poll, held until nothing is sent: 400──► refused ──2 s──► gone
 *                                               └────────────────────no poll for 30 s────────────────────┘
 *
 * What the client still sends is taken and dropped: python-engineio stays away for good when a POST of its is refused.
 * It overlooks that its poll failed when it has things to send in that very moment, hence the hold. Whoever goes on
 * sending in spite of all has its POSTs cut off, which it does not overlook. A client that broke the protocol gets the
 * CLOSE packet, as Engine.IO's own tests want it.
 */

/** From the answer to the last POST on: by then its sender has said whether it has more. */
const QUIET_MS = 50;
const MAX_HOLD_MS = 1_000;
/** As it takes a POST that was on its way when the poll was refused, over a slow line too. */
const LATE_POSTS_MS = 1_000;
/** From the refusal on. */
const GONE_MS = 2_000;
/** At most, with a client that polls on. */
export const ENDING_MS = MAX_HOLD_MS + GONE_MS;

const UNKNOWN_SESSION = JSON.stringify({ code: 1, message: 'Session ID unknown' });

export class ReturningEngine extends Engine {
  protected override createTransport(
    ...[name, request]: Parameters<Engine['createTransport']>
  ): ReturnType<Engine['createTransport']> {
    const transport = super.createTransport(name, request);
    endPollingBy(transport, createEnding);
    return transport;
  }
}

function createEnding(end: () => void, unfetchedMs: number): PollingEnd {
  let held: ServerResponse | undefined;
  let posts = 0;
  let refusedAt: number | undefined;
  let quiet: NodeJS.Timeout | undefined;
  let limit = setTimeout(end, unfetchedMs);

  function lookForQuiet(): void {
    clearTimeout(quiet);
    if (held && posts === 0) quiet = setTimeout(refuseHeld, QUIET_MS);
  }

  function refuseHeld(): void {
    clearTimeout(quiet);
    clearTimeout(limit);
    if (held) refuse(held);
    held = undefined;
    refusedAt = performance.now();
    limit = setTimeout(end, GONE_MS);
  }

  return {
    poll(response) {
      if (held || refusedAt !== undefined) return refuse(response);
      held = response;
      clearTimeout(limit);
      limit = setTimeout(refuseHeld, MAX_HOLD_MS);
      lookForQuiet();
    },
    post(response) {
      posts += 1;
      clearTimeout(quiet);
      response.once('close', () => {
        posts -= 1;
        lookForQuiet();
      });
    },
    takesPosts: () => refusedAt === undefined || performance.now() - refusedAt < LATE_POSTS_MS,
  };
}

function refuse(response: ServerResponse): void {
  response.writeHead(400, { 'Content-Type': 'application/json' });
  response.end(UNKNOWN_SESSION);
}
