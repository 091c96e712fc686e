import type { Acks } from '../protocol/events.ts';
import type { EventName, PayloadInput } from '../protocol/payloads.ts';
import { askUntilAnswered } from './ask-until-answered.ts';
import { ClientError, errorOf } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';
import type { Answered } from './pending-answers.ts';

/** Asks while online, and again if the client moves meanwhile. The request MUST be safe to repeat. Rejects with `unavailable` if offline. */
export function askNow<E extends EventName>(
  connection: Pick<Connection, 'ask' | 'state'>,
  event: E,
  payload: PayloadInput<E>,
): Promise<Acks[E]> {
  return answerOf((answered) => askUntilAnswered(connection, event, payload, answered));
}

/** Asks once: `unavailable` leaves it open whether the server got the event. */
export function askOnce<E extends EventName>(
  connection: Pick<Connection, 'ask'>,
  event: E,
  payload: PayloadInput<E>,
): Promise<Acks[E]> {
  return answerOf((answered) => connection.ask(event, payload, answered));
}

export const notConnected = () => new ClientError('unavailable', 'not connected', true);

function answerOf<E extends EventName>(ask: (answered: Answered<E>) => void): Promise<Acks[E]> {
  return new Promise((resolve, reject) => {
    ask((answer) => {
      const outcome = answer && outcomeOf(answer);
      if (!outcome) reject(notConnected());
      else if (outcome.ok) resolve(outcome.value);
      else reject(errorOf(outcome.error));
    });
  });
}
