import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CallScope } from './route.ts';

/** An inner request has these of the one that brought it: its owner, and the id by which it is found in the logs. */
const INHERITED = ['authorization', 'x-api-key', 'x-request-id'] as const;
const HEADER = 'roomcast-batch';

/** Runs the requests of a batch through the whole of the server, as if each came alone. */
export interface InnerRequests {
  /** Runs one for that request. */
  run: (app: FastifyInstance, outer: FastifyRequest) => CallScope['runInner'];
  /** Returns the connection that brought the request in a batch; undefined if it came alone. */
  outerSocket(request: Pick<FastifyRequest, 'headers'>): Socket | undefined;
}

export function createInnerRequests(): InnerRequests {
  /** By a name that nobody outside can guess, and only while the request runs. */
  const running = new Map<string, Socket>();

  return {
    run: (app, outer) => async (inner) => {
      const { method, path: url, body, idempotencyKey } = inner;
      const id = randomUUID();
      running.set(id, outer.raw.socket);
      try {
        const inherited = INHERITED.flatMap((name) => {
          const value = outer.headers[name];
          return value === undefined ? [] : [[name, value] as const];
        });
        const { statusCode, payload } = await app.inject({
          method,
          url,
          headers: {
            ...Object.fromEntries(inherited),
            [HEADER]: id,
            ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
        });
        return { status: statusCode, text: payload };
      } finally {
        running.delete(id);
      }
    },
    outerSocket({ headers }) {
      const id = headers[HEADER];
      return typeof id === 'string' ? running.get(id) : undefined;
    },
  };
}
