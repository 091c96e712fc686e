import type { Acks } from '../protocol/events.ts';
import type { EventName, PayloadInput } from '../protocol/payloads.ts';
import { askUntilAnswered } from './ask-until-answered.ts';
import { type CallOptions, withinLimits } from './call-options.ts';
import { ClientError, errorOf } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';

/** Idempotent requests: they wait for a connection and are sent again after a lost one. */
export interface Requests {
  /** Calls `hear` with the answer before any later event of the server is handled. */
  ask<E extends EventName>(
    event: E,
    payload: PayloadInput<E>,
    hear?: (answer: Acks[E]) => void,
    options?: CallOptions,
  ): Promise<Acks[E]>;
  /** The client is online. */
  up(): void;
  /** There will be no connection for now: everything that waits fails. */
  stop(error: ClientError): void;
}

interface Request {
  send(): void;
  /** The caller waits no more: it is not sent again, but an answer on its way is heard, as it changes what this client knows. */
  giveUp(): void;
  fail(error: ClientError): void;
}

export function createRequests(connection: Pick<Connection, 'ask' | 'state'>): Requests {
  /** In the order asked. */
  const waiting = new Set<Request>();

  return {
    ask(event, payload, hear, options = {}) {
      let asked: Request | undefined;
      const start = () =>
        new Promise<Acks[typeof event]>((resolve, reject) => {
          let onWire = false;
          let givenUp = false;
          const request: Request = {
            send() {
              if (onWire) return;
              onWire = true;
              askUntilAnswered(connection, event, payload, (answer) => {
                onWire = false;
                if (!answer && givenUp) waiting.delete(request);
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
            giveUp() {
              givenUp = true;
              if (!onWire) waiting.delete(request);
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
          asked = request;
          waiting.add(request);
          request.send();
        });
      return withinLimits(options, start, () => asked?.giveUp());
    },
    up() {
      for (const request of [...waiting]) request.send();
    },
    stop(error) {
      for (const request of [...waiting]) request.fail(error);
    },
  };
}
