import type { Acks } from '../protocol/events.ts';
import type { EventName, PayloadInput } from '../protocol/payloads.ts';
import { askUntilAnswered } from './ask-until-answered.ts';
import { ClientError, errorOf } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';

/** Idempotent requests: they wait for a connection and are sent again after a lost one. */
export interface Requests {
  /** Calls `hear` with the answer before any later event of the server is handled. */
  ask<E extends EventName>(
    event: E,
    payload: PayloadInput<E>,
    hear?: (answer: Acks[E]) => void,
  ): Promise<Acks[E]>;
  /** The client is online. */
  up(): void;
  /** There will be no connection for now: everything that waits fails. */
  stop(error: ClientError): void;
}

interface Request {
  send(): void;
  fail(error: ClientError): void;
}

export function createRequests(connection: Pick<Connection, 'ask' | 'state'>): Requests {
  /** In the order asked. */
  const waiting = new Set<Request>();

  return {
    ask(event, payload, hear) {
      return new Promise((resolve, reject) => {
        let onWire = false;
        const request: Request = {
          send() {
            if (onWire) return;
            onWire = true;
            askUntilAnswered(connection, event, payload, (answer) => {
              onWire = false;
              if (!answer || !waiting.delete(request)) return;
              const outcome = outcomeOf(answer);
              if (outcome.ok) {
                hear?.(outcome.value);
                resolve(outcome.value);
              } else {
                reject(errorOf(outcome.error));
              }
            });
          },
          fail(error) {
            waiting.delete(request);
            reject(error);
          },
        };
        if (connection.state() === 'closed') {
          reject(new ClientError('closed', 'the client is closed'));
          return;
        }
        waiting.add(request);
        request.send();
      });
    },
    up() {
      for (const request of [...waiting]) request.send();
    },
    stop(error) {
      for (const request of [...waiting]) request.fail(error);
    },
  };
}
