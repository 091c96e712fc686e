import type { ServerResponse } from 'node:http';
import { Server as Engine } from 'engine.io';
import { endPollingBy, type PollingEnd } from './private-http.ts';

/*
 * Ends the session of a polling client. Engine.IO sends a CLOSE packet, which clients of some languages take as
 * final: python-engineio never reconnects. Every client reconnects after the error for an unknown session. So the server refuses
 * the poll with that error:
 *
 *   closing ──client fetched the buffer──► ending ──next poll, held until the client is silent: 400──► refused ──2 s──► gone
 *                                            └─────────────────────────no poll for 30 s───────────────────────┘
 *
 * Meanwhile POSTs are accepted and dropped, because python-engineio gives up for good when a POST fails. It also misses a failed
 * poll while it sends, so the poll is held until the client is silent. A client that goes on sending has its POSTs cut off, which
 * it does notice. A client that broke the protocol gets the CLOSE packet, as Engine.IO's own tests require.
 */

/** Time without a POST after which the client is silent. */
const QUIET_MS = 50;
const MAX_HOLD_MS = 1_000;
/** A POST in flight when the poll was refused arrives within this time, over a slow line too. */
const LATE_POSTS_MS = 1_000;
/** Time between the refusal and the end of the session. */
const GONE_MS = 2_000;
/** Upper bound for a client that keeps polling. */
export const ENDING_MS = MAX_HOLD_MS + GONE_MS;

const UNKNOWN_SESSION = JSON.stringify({ code: 1, message: 'Session ID unknown' });

export class RefusingEngine extends Engine {
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
